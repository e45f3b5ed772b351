// SPDX-License-Identifier: MIT
// A Node client with a keep-alive agent: PORT COUNT PAUSE_MS. COUNT requests at a
// time, then a pause; one line of JSON after each round.
"use strict";
const http = require("http");

const [port, count, pause] = process.argv.slice(2).map(Number);
// Made by hand, an agent has no idle timeout: it meets the server's close.
const agent = new http.Agent({ keepAlive: true, maxSockets: count });
const sums = { answered: 0, reused: 0, failed: 0 };

function ask() {
  return new Promise((done) => {
    const request = http.request({ host: "127.0.0.1", port, path: "/slowish", agent });
    request.on("response", (response) => {
      response.resume();
      response.on("end", () => {
        sums.answered++;
        sums.reused += request.reusedSocket ? 1 : 0;
        done();
      });
    });
    request.on("error", () => {
      sums.failed++;
      done();
    });
    request.end();
  });
}

async function main() {
  for (;;) {
    await Promise.all(Array.from({ length: count }, ask));
    console.log(JSON.stringify(sums));
    await new Promise((done) => setTimeout(done, pause));
  }
}

main();
