// Asks for an answer whole, streamed and as a tool call; prints what the SDK made of each, as JSON.
import OpenAI from "openai";

const client = new OpenAI({ apiKey: "k", baseURL: process.argv[2], maxRetries: 0, timeout: 10_000 });
const question = { model: "m", messages: [{ role: "user", content: "oi" }] };

const whole = await client.chat.completions.create(question);

const streamed = [];
for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
  streamed.push(chunk.choices[0].delta.content ?? null);
}

const tools = [{ type: "function", function: { name: "get_time", parameters: { type: "object" } } }];
const called = await client.chat.completions.stream({ ...question, tools }).finalMessage();

const failure = await client.chat.completions.create(question).catch((error) => error);

console.log(
  JSON.stringify({
    whole: whole.choices[0].message.content,
    streamed,
    call: called.tool_calls[0].function,
    failure: [failure.constructor.name, failure.status],
  }),
);
