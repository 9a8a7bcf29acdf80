// The official OpenAI client, nothing set but OPENAI_BASE_URL: prints one JSON object of what it got.
import OpenAI, { APIError } from "openai";

const client = new OpenAI({ apiKey: "sk-callers-own", maxRetries: 0 });
const ask = (text) => ({ model: "gpt-4o", messages: [{ role: "user", content: text }] });
const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
const got = {};

got.chat = (await client.chat.completions.create(ask("hello"))).choices[0].message.content;
got.stream = "";
for await (const chunk of await client.chat.completions.create({ ...ask("hello"), stream: true, stream_options: { include_usage: true } })) {
  got.stream += chunk.choices[0]?.delta?.content ?? "";
  if (chunk.usage) got.usage = chunk.usage.completion_tokens;
}
got.tool = (await client.chat.completions.create({ ...ask("the weather?"), tools })).choices[0].message.tool_calls[0].function;
got.responses = (await client.responses.create({ model: "gpt-4o", input: "hello" })).output_text;
got.responses_stream = "";
for await (const event of await client.responses.create({ model: "gpt-4o", input: "hello", stream: true }))
  if (event.type === "response.output_text.delta") got.responses_stream += event.delta;
got.embedding = (await client.embeddings.create({ model: "text-embedding-3-small", input: "hello", encoding_format: "float" })).data[0].embedding;
const bytes = new Uint8Array([0, 255, 254, 13, 10, 45, 45, ...Array(70000).keys()].map((n) => n % 256));
const file = await client.files.create({ file: new File([bytes], "odd \u00fc.bin"), purpose: "user_data" });
got.file = { bytes: file.bytes, name: file.filename };
try {
  await client.chat.completions.create(ask("refuse me"));
} catch (error) {
  got.error = { is: error instanceof APIError, status: error.status, message: error.error?.message };
}
const stream = await client.chat.completions.create({ ...ask("a slow story"), stream: true });
let seen = 0;
for await (const _ of stream) if (++seen === 5) stream.controller.abort();
got.cancelled = seen < 100;
console.log(JSON.stringify(got));
