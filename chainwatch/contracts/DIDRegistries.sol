// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Stand-ins for the three contracts in which did:io identifiers are registered,
// for tests alone: the functions that a resolver calls have the signatures, the
// answers and the refusals of the real ones, and anybody may set anything.

/// The first registries of IoTeX (iotex-did): a record for each identifier's
/// text. As in those that key records by the text, another spelling is another
/// record.
contract AddressDIDRegistry {
    struct Record {
        bool exists;
        address owner;
        bytes32 hash;
        bytes uri;
    }

    mapping(bytes => Record) private records;

    function set(bytes calldata did, bytes32 hash, bytes calldata uri) external {
        records[did] = Record(true, msg.sender, hash, uri);
    }

    function remove(bytes calldata did) external {
        records[did].exists = false; // the rest stays, as in the original
    }

    modifier known(bytes calldata did) {
        require(records[did].exists, "DID does not exist");
        _;
    }

    function getHash(bytes calldata did) external view known(did) returns (bytes32) {
        return records[did].hash;
    }

    function getURI(bytes calldata did) external view known(did) returns (bytes memory) {
        return records[did].uri;
    }

    function getOwner(bytes calldata did) external view known(did) returns (address) {
        return records[did].owner;
    }
}

/// ioID v1: a record for each device's address.
contract IoIDRegistryV1 {
    struct Record {
        bytes32 hash;
        string uri;
    }

    mapping(address => Record) private records;

    function set(address device, bytes32 hash, string calldata uri) external {
        records[device] = Record(hash, uri);
    }

    function remove(address device) external {
        delete records[device];
    }

    modifier known(address device) {
        require(records[device].hash != bytes32(0), "device not exists");
        _;
    }

    function exists(address device) external view returns (bool) {
        return records[device].hash != bytes32(0);
    }

    function documentHash(address device) external view known(device) returns (bytes32) {
        return records[device].hash;
    }

    function documentURI(address device) external view known(device) returns (string memory) {
        return records[device].uri;
    }
}

/// ioID v2: a record for each 32-byte identifier, empty where there is none.
contract IoIDRegistryV2 {
    struct Record {
        string uri;
        bytes32 hash;
    }

    mapping(bytes32 => Record) private records;

    function set(bytes32 id, bytes32 hash, string calldata uri) external {
        records[id] = Record(uri, hash);
    }

    function remove(bytes32 id) external {
        delete records[id];
    }

    function getDIDDocMetadata(bytes32 id) external view returns (string memory didDocUri, bytes32 didDocHash) {
        return (records[id].uri, records[id].hash);
    }
}
