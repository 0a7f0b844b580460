// Compiles FirmwareRegistry.sol into FirmwareRegistry.json, in the format of
// `solc --combined-json`, which abigen reads, with the compiler's settings added.
//
//   npm ci && npm run build     writes FirmwareRegistry.json
//   npm ci && npm run check     fails unless compiling again gives the committed file, byte for byte
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

const contract = "FirmwareRegistry";
const source = contract + ".sol";
const artefact = path.join(__dirname, contract + ".json");
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

function compile() {
  const input = {
    language: "Solidity",
    sources: { [source]: { content: fs.readFileSync(path.join(__dirname, source), "utf8") } },
    settings: {
      ...settings,
      outputSelection: { [source]: { [contract]: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
  const messages = (output.errors ?? []).filter((e) => e.severity !== "info");
  if (messages.length > 0) {
    throw new Error(messages.map((e) => e.formattedMessage).join("\n"));
  }
  const { abi, evm } = output.contracts[source][contract];
  const size = evm.deployedBytecode.object.length / 2;
  if (size > codeLimit) {
    throw new Error(`${contract} has ${size} bytes of code, over the limit of ${codeLimit}`);
  }
  const json = {
    contracts: {
      [`${source}:${contract}`]: {
        abi,
        bin: evm.bytecode.object,
        "bin-runtime": evm.deployedBytecode.object,
      },
    },
    version: solc.version(),
    settings,
    dependencies: { "@openzeppelin/contracts": require("@openzeppelin/contracts/package.json").version },
  };
  return { size, text: JSON.stringify(json, null, 1) + "\n" };
}

try {
  const { size, text } = compile();
  if (!process.argv.includes("--check")) {
    fs.writeFileSync(artefact, text);
    console.log(`${contract}.json: ${size} of ${codeLimit} bytes of code`);
  } else if (!fs.existsSync(artefact) || fs.readFileSync(artefact, "utf8") !== text) {
    throw new Error(`${contract}.json is not what ${source} compiles to: run "npm run build" and commit it`);
  } else {
    console.log(`${contract}.json matches ${source}: ${size} of ${codeLimit} bytes of code`);
  }
} catch (e) {
  console.error(e.message);
  process.exit(1);
}
