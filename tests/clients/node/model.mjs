// A stand-in upstream of other people's making (aimock), for the tests of the clients: `node model.mjs` prints its address and ends with stdin.
import { LLMock } from "@copilotkit/aimock";

const mock = new LLMock({ port: 0, host: "127.0.0.1", chunkSize: 4, logLevel: "silent" });
const usage = { prompt_tokens: 11, completion_tokens: 7, input_tokens: 11, output_tokens: 7 };
mock.onMessage(/weather/, { toolCalls: [{ name: "weather", arguments: '{"city":"Paris"}' }], usage });
mock.onMessage(/refuse me/, { error: { message: "no", type: "invalid_request_error", code: "bad" }, status: 400 });
mock.onMessage(/slow story/, { content: "once upon a time ".repeat(400), usage }, { latency: 5 });
mock.onMessage(/.*/, { content: "Hello from the incumbent.", usage });
mock.onEmbedding(/.*/, { embedding: [0.1, 0.2, 0.3] });
await mock.start();
console.log(mock.url);
process.stdin.on("end", () => process.exit(0)).resume();
