// Compiles each source into the artefact of its name, FirmwareRegistry.sol into
// FirmwareRegistry.json, in the format of `solc --combined-json`, which abigen
// reads, with the compiler's settings added.
//
//   npm ci && npm run build     writes the artefacts
//   npm ci && npm run check     fails unless compiling again gives the committed files, byte for byte
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

const names = [
  "FirmwareRegistry",
  "DIDRegistries", // stand-ins for tests
];
const codeLimit = 24576; // EIP-170

const settings = {
  evmVersion: "cancun", // the newest level that is active on IoTeX
  optimizer: { enabled: true, runs: 200 },
  viaIR: true,
};

function readImport(name) {
  try {
    return { contents: fs.readFileSync(require.resolve(name, { paths: [__dirname] }), "utf8") };
  } catch {
    return { error: `${name} is missing: run "npm ci" in chainwatch/contracts` };
  }
}

function compile(name) {
  const source = name + ".sol";
  const input = {
    language: "Solidity",
    sources: { [source]: { content: fs.readFileSync(path.join(__dirname, source), "utf8") } },
    settings: {
      ...settings,
      outputSelection: { [source]: { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
  const messages = (output.errors ?? []).filter((e) => e.severity !== "info");
  if (messages.length > 0) {
    throw new Error(messages.map((e) => e.formattedMessage).join("\n"));
  }
  const contracts = {};
  let size = 0;
  for (const [contract, { abi, evm }] of Object.entries(output.contracts[source])) {
    size = Math.max(size, evm.deployedBytecode.object.length / 2);
    if (size > codeLimit) {
      throw new Error(`${contract} has ${size} bytes of code, over the limit of ${codeLimit}`);
    }
    contracts[`${source}:${contract}`] = { abi, bin: evm.bytecode.object, "bin-runtime": evm.deployedBytecode.object };
  }
  const json = {
    contracts,
    version: solc.version(),
    settings,
    dependencies: { "@openzeppelin/contracts": require("@openzeppelin/contracts/package.json").version },
  };
  return { size, text: JSON.stringify(json, null, 1) + "\n" };
}

try {
  for (const name of names) {
    const artefact = path.join(__dirname, name + ".json");
    const { size, text } = compile(name);
    if (!process.argv.includes("--check")) {
      fs.writeFileSync(artefact, text);
      console.log(`${name}.json: ${size} of ${codeLimit} bytes of code`);
    } else if (!fs.existsSync(artefact) || fs.readFileSync(artefact, "utf8") !== text) {
      throw new Error(`${name}.json is not what ${name}.sol compiles to: run "npm run build" and commit it`);
    } else {
      console.log(`${name}.json matches ${name}.sol: ${size} of ${codeLimit} bytes of code`);
    }
  }
} catch (e) {
  console.error(e.message);
  process.exit(1);
}
