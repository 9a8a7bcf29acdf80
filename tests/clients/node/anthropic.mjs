// The official Anthropic client, nothing set but ANTHROPIC_BASE_URL: prints one JSON object of what it got.
import Anthropic, { APIError } from "@anthropic-ai/sdk";

const client = new Anthropic({ apiKey: "sk-callers-own", maxRetries: 0 });
const ask = (text) => ({ model: "claude-x", max_tokens: 100, messages: [{ role: "user", content: text }] });
const tools = [{ name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } }];
const got = {};

got.chat = (await client.messages.create(ask("hello"))).content[0].text;
got.stream = await client.messages.stream(ask("hello")).finalText();
const tool = (await client.messages.create({ ...ask("the weather?"), tools })).content.find((block) => block.type === "tool_use");
got.tool = { name: tool.name, input: tool.input };
try {
  await client.messages.create(ask("refuse me"));
} catch (error) {
  got.error = { is: error instanceof APIError, status: error.status };
}
const stream = client.messages.stream(ask("a slow story"));
let seen = 0;
try {
  for await (const _ of stream) if (++seen === 5) stream.abort();
} catch (error) {
  got.cancelled = error.constructor.name;
}
console.log(JSON.stringify(got));
