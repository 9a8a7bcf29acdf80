// Vercel's AI SDK with three of its providers; BASE is the proxy's address without a version. Prints one JSON object of what it got.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, streamText, tool } from "ai";

globalThis.AI_SDK_LOG_WARNINGS = false; // it warns on stdout
const apiKey = "sk-callers-own";
const baseURL = `${process.env.BASE}/v1`;
const openai = createOpenAI({ baseURL, apiKey });
const models = {
  responses: openai("gpt-4o"),
  chat: openai.chat("gpt-4o"),
  anthropic: createAnthropic({ baseURL, apiKey })("claude-x"),
  compatible: createOpenAICompatible({ name: "any", baseURL, apiKey })("any-model"),
};
const tools = { weather: tool({ description: "weather", inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } } }) }) };
const got = {};
for (const [name, model] of Object.entries(models)) {
  const plain = await generateText({ model, prompt: "hello", maxRetries: 0 });
  const stream = streamText({ model, prompt: "hello", maxRetries: 0 });
  const called = await generateText({ model, prompt: "the weather?", tools, maxRetries: 0 });
  got[name] = { text: plain.text, stream: await stream.text, tool: called.toolCalls[0]?.input };
}
console.log(JSON.stringify(got));
