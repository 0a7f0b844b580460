// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";

/**
 * @title FirmwareRegistry
 * @notice Says which firmware releases of a product exist, which of them are revoked, and which devices may install
 * them when. It holds no firmware and no authority over devices: a device installs only what a threshold of the
 * manufacturer's keys, pinned at its provisioning, has signed. The registry can hold back; it cannot push.
 *
 * Roles are separate, so that no single key does two kinds of work:
 *  - the default admin (transferred in two steps, after a delay) creates manufacturers and products and assigns roles;
 *  - a manufacturer's admin publishes and revokes releases, raises the anti-rollback floor and replaces the keys;
 *  - a product's operator sets rollout policies, halts, and the barrier;
 *  - the pauser stops and resumes the whole registry.
 * No account ever holds the manufacturer's and the operator's role of one product, and the default admin holds
 * neither of any: every path that grants a role goes through {_grantRole}, which refuses it.
 *
 * Every change that can alter an answer of {check} rolls the track of its subject: the product, the manufacturer
 * (all its products), or the registry as a whole (subject 0). A track counts its changes (rev), knows the block of the
 * latest (revBlock) and chains a digest over all of them. {Changed} links each change to the block of the one before,
 * so that a history is read backwards, block by block, without scanning ranges of the log.
 */
contract FirmwareRegistry is AccessControlDefaultAdminRules, Pausable {
    // ------------------------------------------------------------------------------------------------- limits

    /// @dev Signing keys of one manufacturer.
    uint256 private constant MAX_KEYS = 16;
    /// @dev Bytes of one signing key in binary Multikey form (the longest known has 35).
    uint256 private constant MAX_KEY = 40;
    /// @dev Bytes of a version, a DID or a product name.
    uint256 private constant MAX_TEXT = 128;
    /// @dev Bytes of an image: 256 MiB.
    uint256 private constant MAX_IMAGE = 256 << 20;
    /// @dev Devices in one canary list.
    uint256 private constant MAX_CANARIES = 64;
    /// @dev Bytes of a canary label.
    uint256 private constant MAX_LABEL = 32;
    /// @dev Newest releases in one answer of {check}; the barrier release may come on top.
    uint256 private constant MAX_NEWEST = 4;
    /// @dev Sequence numbers, counted back from the latest, among which {check} looks for releases that are not
    /// revoked. If all of these are revoked the answer offers only the barrier release, if any.
    uint256 private constant MAX_WALK = 64;
    /// @dev Releases in one page of {releases}.
    uint256 private constant MAX_PAGE = 64;

    /// @notice Role that pauses and unpauses the registry.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    // -------------------------------------------------------------------------------------------------- types

    /// @notice One release, as published.
    struct ReleaseInfo {
        uint64 sequence; // from 1, without gaps
        uint64 publishedAt; // block time, seconds since 1970
        uint64 imageSize; // bytes
        bytes32 imageSha256; // of the whole image
        bytes32 envelope; // SHA-256 of the encoded manifest and its signatures
        bool revoked;
        string version; // for people
    }

    /// @notice Which devices of a region may install a release.
    struct Policy {
        uint8 mode; // 0 paused, 1 canary, 2 percent, 3 all
        bool warm; // devices may fetch and serve before they may install
        uint64 notBefore; // seconds since 1970
        uint64 start; // seconds since 1970, start of the ramp
        uint32 duration; // seconds of the ramp
        uint16 startBps; // basis points at start
        uint16 endBps; // basis points at start + duration
        string label; // devices with this label are canaries
        bytes32[] canaries; // SHA-256 of device DIDs
    }

    /// @notice A release on offer, with the policy of the region that asked.
    struct Candidate {
        ReleaseInfo release;
        bool halted;
        Policy policy;
    }

    /// @notice All that a device needs to decide alone.
    struct View {
        uint256 chainId;
        uint64 blockNumber;
        uint64 blockTime;
        uint64 rev; // changes of product, manufacturer and registry together: grows by one with each
        uint64 revBlock; // block of the latest of them
        bytes32 digest; // keccak256 of the three tracks' digests
        bool paused;
        uint64 latest; // newest sequence, revoked ones included
        uint64 minSequence; // anti-rollback floor
        uint64 barrier; // devices below it must install it first; 0: none
        string manufacturer; // DID
        uint8 threshold; // keys that must sign
        bytes[] keys; // binary Multikeys
        Candidate[] candidates; // newest first
    }

    struct Manufacturer {
        uint8 threshold; // 0: does not exist
        string did;
        bytes[] keys;
    }

    struct Product {
        bytes32 manufacturer; // 0: does not exist
        uint64 latest;
        uint64 minSequence;
        uint64 barrier;
        string name;
    }

    struct Release {
        ReleaseInfo info;
        bool halted;
        mapping(bytes32 region => Rollout) rollouts;
    }

    struct Rollout {
        bool set;
        Policy policy;
    }

    struct Track {
        uint64 rev;
        uint64 revBlock;
        bytes32 digest;
    }

    // ------------------------------------------------------------------------------------------------- events

    /// @notice A subject's track rolled: product id, manufacturer id, or 0 for the registry.
    /// digest = keccak256(abi.encode(digest before, block number, block time, keccak256(call))), where call is the
    /// canonical encoding of the call that made the change.
    /// @param previousBlock block of the subject's change before this one, 0 if there was none.
    event Changed(bytes32 indexed subject, uint64 rev, uint64 time, uint64 previousBlock, bytes32 digest);

    event ManufacturerCreated(
        bytes32 indexed manufacturer, string did, uint8 threshold, bytes[] keys, address indexed admin
    );
    event ProductCreated(
        bytes32 indexed product, string name, bytes32 indexed manufacturer, address indexed operator
    );
    event KeysSet(bytes32 indexed manufacturer, uint8 threshold, bytes[] keys);
    event Published(
        bytes32 indexed product,
        uint64 indexed sequence,
        string version,
        uint64 imageSize,
        bytes32 imageSha256,
        bytes32 envelope
    );
    event Revoked(bytes32 indexed product, uint64 indexed sequence);
    event MinSequenceRaised(bytes32 indexed product, uint64 indexed sequence);
    event RolloutSet(bytes32 indexed product, uint64 indexed sequence, bytes32 indexed region, Policy policy);
    event HaltedSet(bytes32 indexed product, uint64 indexed sequence, bool halted);
    event BarrierSet(bytes32 indexed product, uint64 indexed sequence);

    // ------------------------------------------------------------------------------------------------- errors

    error UnknownProduct(bytes32 product);
    error UnknownManufacturer(bytes32 manufacturer);
    error UnknownRelease(uint64 sequence, uint64 latest);
    /// @notice Only roles that a manufacturer or product brought into being can be granted.
    error UnknownRole(bytes32 role);
    error AlreadyExists(bytes32 id);
    /// @notice An id is the SHA-256 of the text it stands for.
    error IdMismatch(bytes32 id, bytes32 expected);
    error SequenceNotNext(uint64 given, uint64 expected);
    error ReleaseRevoked(uint64 sequence);
    error MinSequenceNotRaised(uint64 given, uint64 current);
    /// @notice A text, list or number is outside of its limits.
    error OutOfBounds(string field, uint256 given, uint256 min, uint256 max);
    error ZeroValue(string field);
    error DuplicateKey(uint256 index);
    /// @notice The account holds another role that excludes this one.
    error RoleConflict(address account, bytes32 role);

    // ------------------------------------------------------------------------------------------------ storage

    mapping(bytes32 id => Manufacturer) private _manufacturers;
    mapping(bytes32 id => Product) private _products;
    mapping(bytes32 product => mapping(uint64 sequence => Release)) private _releases;
    mapping(bytes32 subject => Track) private _tracks;

    /// @dev The manufacturer to which a manufacturer's or operator's role belongs; 0 for a role that nothing made.
    mapping(bytes32 role => bytes32 manufacturer) private _roleManufacturer;
    /// @dev Of how many products of a manufacturer an account is an operator.
    mapping(bytes32 manufacturer => mapping(address account => uint256)) private _operates;
    /// @dev How many manufacturer's and operator's roles an account holds.
    mapping(address account => uint256) private _duties;

    /**
     * @param adminDelay seconds between the announcement of a new default admin and its acceptance
     * @param admin first default admin
     * @param pauser first account that may pause
     */
    constructor(uint48 adminDelay, address admin, address pauser) AccessControlDefaultAdminRules(adminDelay, admin) {
        _grantRole(PAUSER_ROLE, pauser);
    }

    // ------------------------------------------------------------------------------------------------- admin

    /**
     * @notice Adds a manufacturer.
     * @param id SHA-256 of the DID's text
     * @param did decentralised identifier in normal form, 1 to MAX_TEXT bytes
     * @param threshold how many of the keys must sign a release
     * @param keys code-signing keys, binary Multikeys, 1 to MAX_KEYS, no key twice
     * @param admin first account that may publish for the manufacturer
     */
    function createManufacturer(
        bytes32 id,
        string calldata did,
        uint8 threshold,
        bytes[] calldata keys,
        address admin
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _newId(id, did, "did");
        _manufacturers[id].did = did;
        _storeKeys(id, threshold, keys);
        bytes32 role = manufacturerRole(id);
        _roleManufacturer[role] = id;
        _grantRole(role, admin);
        emit ManufacturerCreated(id, did, threshold, keys, admin);
        _roll(id, abi.encodeCall(this.createManufacturer, (id, did, threshold, keys, admin)));
    }

    /**
     * @notice Adds a product. It belongs to its manufacturer for ever.
     * @param product SHA-256 of the name
     * @param name "vendor/name", 1 to MAX_TEXT bytes
     * @param manufacturer id of an existing manufacturer
     * @param operator first account that may steer the product's rollouts
     */
    function createProduct(
        bytes32 product,
        string calldata name,
        bytes32 manufacturer,
        address operator
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _newId(product, name, "name");
        if (_manufacturers[manufacturer].threshold == 0) revert UnknownManufacturer(manufacturer);
        _products[product].manufacturer = manufacturer;
        _products[product].name = name;
        bytes32 role = operatorRole(product);
        _roleManufacturer[role] = manufacturer;
        _grantRole(role, operator);
        emit ProductCreated(product, name, manufacturer, operator);
        _roll(product, abi.encodeCall(this.createProduct, (product, name, manufacturer, operator)));
    }

    // ------------------------------------------------------------------------------------------ manufacturer

    /**
     * @notice Publishes a release. Nobody may install it before the operator has set a policy.
     * @param product product id
     * @param sequence the latest sequence plus one
     * @param version for people, 1 to MAX_TEXT bytes
     * @param imageSize bytes, 1 to MAX_IMAGE
     * @param imageSha256 SHA-256 of the whole image
     * @param envelope SHA-256 of the encoded manifest and its signatures
     */
    function publish(
        bytes32 product,
        uint64 sequence,
        string calldata version,
        uint64 imageSize,
        bytes32 imageSha256,
        bytes32 envelope
    ) external whenNotPaused {
        Product storage p = _asManufacturer(product);
        uint64 next = p.latest + 1;
        if (sequence != next) revert SequenceNotNext(sequence, next);
        _bound("version", bytes(version).length, 1, MAX_TEXT);
        _bound("imageSize", imageSize, 1, MAX_IMAGE);
        if (imageSha256 == 0) revert ZeroValue("imageSha256");
        if (envelope == 0) revert ZeroValue("envelope");
        p.latest = sequence;
        _releases[product][sequence].info = ReleaseInfo({
            sequence: sequence,
            publishedAt: uint64(block.timestamp),
            imageSize: imageSize,
            imageSha256: imageSha256,
            envelope: envelope,
            revoked: false,
            version: version
        });
        emit Published(product, sequence, version, imageSize, imageSha256, envelope);
        _roll(
            product,
            abi.encodeCall(this.publish, (product, sequence, version, imageSize, imageSha256, envelope))
        );
    }

    /// @notice Withdraws a release for ever. Works while the registry is paused.
    function revoke(bytes32 product, uint64 sequence) external {
        Product storage p = _asManufacturer(product);
        _live(product, p, sequence).info.revoked = true;
        emit Revoked(product, sequence);
        _roll(product, abi.encodeCall(this.revoke, (product, sequence)));
    }

    /// @notice Raises the floor under which no device may go back. It can never be lowered.
    /// @param sequence above the floor so far, at most the latest
    function setMinSequence(bytes32 product, uint64 sequence) external {
        Product storage p = _asManufacturer(product);
        if (sequence <= p.minSequence) revert MinSequenceNotRaised(sequence, p.minSequence);
        if (sequence > p.latest) revert UnknownRelease(sequence, p.latest);
        p.minSequence = sequence;
        emit MinSequenceRaised(product, sequence);
        _roll(product, abi.encodeCall(this.setMinSequence, (product, sequence)));
    }

    /// @notice Replaces a manufacturer's keys for all its products. Devices follow only with a rotation statement
    /// signed by a threshold of the keys that they have pinned.
    function setKeys(bytes32 manufacturer, uint8 threshold, bytes[] calldata keys) external {
        if (_manufacturers[manufacturer].threshold == 0) revert UnknownManufacturer(manufacturer);
        _checkRole(manufacturerRole(manufacturer));
        _storeKeys(manufacturer, threshold, keys);
        emit KeysSet(manufacturer, threshold, keys);
        _roll(manufacturer, abi.encodeCall(this.setKeys, (manufacturer, threshold, keys)));
    }

    // ---------------------------------------------------------------------------------------------- operator

    /**
     * @notice Sets the policy of one release in one region.
     * @param region region code, left-aligned; 0 for all regions that have no policy of their own for the release
     */
    function setRollout(bytes32 product, uint64 sequence, bytes32 region, Policy calldata policy) external {
        Product storage p = _asOperator(product);
        _bound("mode", policy.mode, 0, 3);
        _bound("endBps", policy.endBps, 0, 10000);
        _bound("startBps", policy.startBps, 0, policy.endBps);
        _bound("label", bytes(policy.label).length, 0, MAX_LABEL);
        _bound("canaries", policy.canaries.length, 0, MAX_CANARIES);
        Rollout storage r = _live(product, p, sequence).rollouts[region];
        r.set = true;
        r.policy = policy;
        emit RolloutSet(product, sequence, region, policy);
        _roll(product, abi.encodeCall(this.setRollout, (product, sequence, region, policy)));
    }

    /// @notice Halts a release in all regions, or lifts the halt.
    function setHalted(bytes32 product, uint64 sequence, bool halted) external {
        Product storage p = _asOperator(product);
        _release(product, p, sequence).halted = halted;
        emit HaltedSet(product, sequence, halted);
        _roll(product, abi.encodeCall(this.setHalted, (product, sequence, halted)));
    }

    /// @notice Names the release that every device below it must install first; 0 lifts the barrier. The barrier stays
    /// in force, and devices wait, if the release is revoked later.
    function setBarrier(bytes32 product, uint64 sequence) external {
        Product storage p = _asOperator(product);
        if (sequence != 0) _live(product, p, sequence);
        p.barrier = sequence;
        emit BarrierSet(product, sequence);
        _roll(product, abi.encodeCall(this.setBarrier, (product, sequence)));
    }

    // ------------------------------------------------------------------------------------------------ pauser

    /// @notice Stops the whole registry: nothing can be published, no device installs.
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
        _roll(0, abi.encodeCall(this.pause, ()));
    }

    /// @notice Lifts the pause.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
        _roll(0, abi.encodeCall(this.unpause, ()));
    }

    // ------------------------------------------------------------------------------------------------- views

    /**
     * @notice Everything a device of a product in a region needs, in one call. The candidates are the newest releases
     * that are not revoked, newest first, at most MAX_NEWEST found among the MAX_WALK newest sequences, and after them
     * the barrier release if it is not revoked and not among them.
     * @param product product id
     * @param region region code, left-aligned; 0 for the default region
     */
    function check(bytes32 product, bytes32 region) external view returns (View memory v) {
        Product storage p = _product(product);
        Manufacturer storage m = _manufacturers[p.manufacturer];
        v.chainId = block.chainid;
        v.blockNumber = uint64(block.number);
        v.blockTime = uint64(block.timestamp);
        (v.rev, v.revBlock, v.digest) = _position(product, p.manufacturer);
        v.paused = paused();
        v.latest = p.latest;
        v.minSequence = p.minSequence;
        v.barrier = p.barrier;
        v.manufacturer = m.did;
        v.threshold = m.threshold;
        v.keys = m.keys;
        v.candidates = _candidates(product, p, region);
    }

    /**
     * @notice One page of a product's releases, oldest first, revoked ones included.
     * @param from first sequence of the page; 0 counts as 1
     * @param count how many at most; never more than MAX_PAGE
     */
    function releases(
        bytes32 product,
        uint64 from,
        uint64 count
    ) external view returns (ReleaseInfo[] memory page) {
        uint64 latest = _product(product).latest;
        if (from == 0) from = 1;
        uint256 n = from > latest ? 0 : uint256(latest - from) + 1;
        if (n > count) n = count;
        if (n > MAX_PAGE) n = MAX_PAGE;
        page = new ReleaseInfo[](n);
        for (uint256 i = 0; i < n; ++i) {
            page[i] = _releases[product][from + uint64(i)].info;
        }
    }

    /// @notice A product's name and manufacturer.
    function productOf(bytes32 product) external view returns (string memory name, bytes32 manufacturer) {
        Product storage p = _product(product);
        return (p.name, p.manufacturer);
    }

    /// @notice The track of a product, a manufacturer or (0) the registry.
    function trackOf(bytes32 subject) external view returns (uint64 rev, uint64 revBlock, bytes32 digest) {
        Track storage t = _tracks[subject];
        return (t.rev, t.revBlock, t.digest);
    }

    /// @notice Role of those who publish for a manufacturer; the default admin grants and revokes it.
    function manufacturerRole(bytes32 manufacturer) public pure returns (bytes32) {
        return keccak256(abi.encode("MANUFACTURER_ROLE", manufacturer));
    }

    /// @notice Role of those who steer a product's rollouts; the default admin grants and revokes it.
    function operatorRole(bytes32 product) public pure returns (bytes32) {
        return keccak256(abi.encode("OPERATOR_ROLE", product));
    }

    // ------------------------------------------------------------------------------------------ role separation

    /**
     * @dev The one place through which every grant goes: the constructor, creation, grantRole and the acceptance of
     * the default admin's role.
     */
    function _grantRole(bytes32 role, address account) internal override returns (bool granted) {
        if (account == address(0)) revert ZeroValue("account");
        if (role == PAUSER_ROLE) return super._grantRole(role, account);
        if (role == DEFAULT_ADMIN_ROLE) {
            if (_duties[account] != 0) revert RoleConflict(account, role);
            return super._grantRole(role, account);
        }
        bytes32 manufacturer = _roleManufacturer[role];
        if (manufacturer == 0) revert UnknownRole(role);
        if (account == defaultAdmin()) revert RoleConflict(account, role);
        bytes32 manufacturing = manufacturerRole(manufacturer);
        bool operating = role != manufacturing;
        if (operating ? hasRole(manufacturing, account) : _operates[manufacturer][account] != 0) {
            revert RoleConflict(account, role);
        }
        granted = super._grantRole(role, account);
        if (granted) {
            ++_duties[account];
            if (operating) ++_operates[manufacturer][account];
        }
    }

    /// @dev The one place through which every loss of a role goes.
    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        bytes32 manufacturer = _roleManufacturer[role];
        if (revoked && manufacturer != 0) {
            --_duties[account];
            if (role != manufacturerRole(manufacturer)) --_operates[manufacturer][account];
        }
    }

    // ----------------------------------------------------------------------------------------------- internals

    function _product(bytes32 product) private view returns (Product storage p) {
        p = _products[product];
        if (p.manufacturer == 0) revert UnknownProduct(product);
    }

    function _asManufacturer(bytes32 product) private view returns (Product storage p) {
        p = _product(product);
        _checkRole(manufacturerRole(p.manufacturer));
    }

    function _asOperator(bytes32 product) private view returns (Product storage p) {
        p = _product(product);
        _checkRole(operatorRole(product));
    }

    /// @dev A release that exists.
    function _release(bytes32 product, Product storage p, uint64 sequence) private view returns (Release storage) {
        if (sequence == 0 || sequence > p.latest) revert UnknownRelease(sequence, p.latest);
        return _releases[product][sequence];
    }

    /// @dev A release that exists and is not revoked.
    function _live(bytes32 product, Product storage p, uint64 sequence) private view returns (Release storage r) {
        r = _release(product, p, sequence);
        if (r.info.revoked) revert ReleaseRevoked(sequence);
    }

    function _newId(bytes32 id, string calldata text, string memory field) private view {
        _bound(field, bytes(text).length, 1, MAX_TEXT);
        bytes32 expected = sha256(bytes(text));
        if (id != expected) revert IdMismatch(id, expected);
        if (_tracks[id].rev != 0) revert AlreadyExists(id);
    }

    function _storeKeys(bytes32 id, uint8 threshold, bytes[] calldata keys) private {
        _bound("keys", keys.length, 1, MAX_KEYS);
        _bound("threshold", threshold, 1, keys.length);
        bytes32[] memory seen = new bytes32[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            _bound("key", keys[i].length, 1, MAX_KEY);
            seen[i] = keccak256(keys[i]);
            for (uint256 j = 0; j < i; ++j) {
                if (seen[j] == seen[i]) revert DuplicateKey(i);
            }
        }
        _manufacturers[id].threshold = threshold;
        _manufacturers[id].keys = keys;
    }

    function _bound(string memory field, uint256 given, uint256 min, uint256 max) private pure {
        if (given < min || given > max) revert OutOfBounds(field, given, min, max);
    }

    function _roll(bytes32 subject, bytes memory call) private {
        Track storage t = _tracks[subject];
        uint64 previous = t.revBlock;
        uint64 rev = t.rev + 1;
        bytes32 digest = keccak256(abi.encode(t.digest, block.number, block.timestamp, keccak256(call)));
        t.rev = rev;
        t.revBlock = uint64(block.number);
        t.digest = digest;
        emit Changed(subject, rev, uint64(block.timestamp), previous, digest);
    }

    /// @dev Sums the tracks that bear on a product. Each change adds one to the sum, so along the history of the chain
    /// no two states share a rev.
    function _position(
        bytes32 product,
        bytes32 manufacturer
    ) private view returns (uint64 rev, uint64 revBlock, bytes32 digest) {
        Track storage a = _tracks[product];
        Track storage b = _tracks[manufacturer];
        Track storage c = _tracks[0];
        rev = a.rev + b.rev + c.rev;
        revBlock = a.revBlock;
        if (b.revBlock > revBlock) revBlock = b.revBlock;
        if (c.revBlock > revBlock) revBlock = c.revBlock;
        digest = keccak256(abi.encode(a.digest, b.digest, c.digest));
    }

    function _candidates(
        bytes32 product,
        Product storage p,
        bytes32 region
    ) private view returns (Candidate[] memory list) {
        uint64[MAX_NEWEST + 1] memory picks;
        uint256 n;
        uint64 barrier = p.barrier;
        uint64 s = p.latest;
        for (uint256 steps = 0; s != 0 && n < MAX_NEWEST && steps < MAX_WALK; ++steps) {
            if (!_releases[product][s].info.revoked) picks[n++] = s;
            --s;
        }
        // What the walk has not passed is older than what it found: the barrier keeps the order at the end.
        if (barrier != 0 && barrier <= s && !_releases[product][barrier].info.revoked) picks[n++] = barrier;
        list = new Candidate[](n);
        for (uint256 i = 0; i < n; ++i) {
            Release storage r = _releases[product][picks[i]];
            Rollout storage rollout = r.rollouts[region];
            if (!rollout.set) rollout = r.rollouts[0];
            list[i] = Candidate({release: r.info, halted: r.halted, policy: rollout.policy});
        }
    }
}
