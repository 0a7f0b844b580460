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
 *  - the default admin creates manufacturers and products and proposes who holds the other roles;
 *  - a manufacturer's admin publishes and revokes releases, raises the anti-rollback floor and replaces the keys;
 *  - a product's operator sets rollout policies, halts, and the barrier;
 *  - a pauser stops and resumes the whole registry;
 *  - a guardian only stops: it pauses, cancels what the admin has proposed, and withdraws roles from accounts whose keys
 *    are in wrong hands. It cannot lift a pause, grant, publish or steer.
 * No account ever holds the manufacturer's and the operator's role of one product, and the default admin and the
 * guardians hold no role but their own: every path that grants a role goes through {_grantRole}, which refuses it.
 *
 * Taking power takes time, giving it up does not. A role is proposed, and granted at the earliest one delay later; so is
 * the admin's own role, and a shorter delay. In the meantime any guardian can cancel. Withdrawals are instant, and for
 * guardians and the holder alone. So an admin whose key is stolen can at once do nothing to what exists. A guardian
 * whose key is stolen can hold everything up, until the admin removes it, which takes a delay too and which other
 * guardians can cancel, but never the one concerned: name two. Who is left with neither moves the fleet to another
 * registry, for which devices need the manufacturer's signatures and not this contract.
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
    /// @dev Newest releases that {check} offers whatever their policy.
    uint256 private constant MAX_NEWEST = 2;
    /// @dev Newest live releases that {check} offers; the newest that is for all comes on top, and the barrier release.
    uint256 private constant MAX_LIVE = 4;
    /// @dev The most releases that {check} offers.
    uint256 private constant MAX_OFFER = MAX_NEWEST + MAX_LIVE + 2;
    /// @dev Sequence numbers, counted back from the latest, among which {check} looks for the newest releases that are
    /// not revoked. Live ones and the barrier are found however many were published after them.
    uint256 private constant MAX_WALK = 64;
    /// @dev Live releases that are remembered for one product and region.
    uint256 private constant MAX_STEERED = 8;
    /// @dev The latest sequence with which a product can be continued from another registry.
    uint256 private constant MAX_CONTINUED = 1 << 40;
    /// @dev Guardians that the constructor appoints.
    uint256 private constant MAX_GUARDIANS = 8;
    /// @dev The longest delay, so that a stolen admin's key cannot make it last for ever.
    uint48 private constant MAX_DELAY = 30 days;
    /// @dev A proposal that nobody executes lapses this long after it could be.
    uint48 private constant GRANT_WINDOW = 30 days;
    /// @dev Releases in one page of {releases}.
    uint256 private constant MAX_PAGE = 64;

    /// @notice Version of this contract. The first has no such function.
    uint256 public constant VERSION = 2;

    /// @dev Rollout modes that {check} looks at.
    uint8 private constant MODE_PAUSED = 0;
    uint8 private constant MODE_ALL = 3;

    /// @notice Role that pauses and unpauses the registry.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice Role that stops: pauses, cancels proposals, withdraws roles.
    bytes32 public constant GUARDIAN_ROLE = keccak256("GUARDIAN_ROLE");

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
        uint64 base; // releases up to this one were published in another registry
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
    /// @notice A product that came from another registry, in which its releases up to latest were published.
    event ProductContinued(
        bytes32 indexed product, string name, bytes32 indexed manufacturer, address indexed operator, uint64 latest
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
    /// @notice A role was proposed for an account; it can be granted from that time on.
    event GrantProposed(bytes32 indexed role, address indexed account, uint48 from);
    event GrantCancelled(bytes32 indexed role, address indexed account, address by);
    /// @notice The removal of a guardian was proposed; it can be executed from that time on.
    event RemovalProposed(address indexed guardian, uint48 from);
    event RemovalCancelled(address indexed guardian, address by);

    // ------------------------------------------------------------------------------------------------- errors

    error UnknownProduct(bytes32 product);
    error UnknownManufacturer(bytes32 manufacturer);
    error UnknownRelease(uint64 sequence, uint64 latest);
    /// @notice Only roles that a manufacturer or product brought into being can be granted.
    error UnknownRole(bytes32 role);
    error AlreadyExists(bytes32 id);
    /// @notice An id is the SHA-256 of the text it stands for.
    error IdMismatch(bytes32 id, bytes32 expected);
    /// @notice The release was published in the registry from which the product came.
    error EarlierRegistry(uint64 sequence, uint64 first);
    error SequenceNotNext(uint64 given, uint64 expected);
    error ReleaseRevoked(uint64 sequence);
    error MinSequenceNotRaised(uint64 given, uint64 current);
    /// @notice A text, list or number is outside of its limits.
    error OutOfBounds(string field, uint256 given, uint256 min, uint256 max);
    error ZeroValue(string field);
    /// @notice The key, or its negative, is in the list already: whoever holds the one's secret holds the other's.
    error DuplicateKey(uint256 index);
    /// @notice The account holds another role that excludes this one.
    error RoleConflict(address account, bytes32 role);
    /// @notice Roles are proposed and granted after a delay, see {proposeGrant}; guardians are removed so too.
    error Delayed();
    error NotProposed();
    /// @notice A proposal can be executed from one time to another, seconds since 1970.
    error OutsideWindow(uint48 from, uint48 until);

    // ------------------------------------------------------------------------------------------------ storage

    mapping(bytes32 id => Manufacturer) private _manufacturers;
    mapping(bytes32 id => Product) private _products;
    mapping(bytes32 product => mapping(uint64 sequence => Release)) private _releases;
    mapping(bytes32 subject => Track) private _tracks;

    /// @dev The manufacturer to which a manufacturer's or operator's role belongs; 0 for a role that nothing made.
    mapping(bytes32 role => bytes32 manufacturer) private _roleManufacturer;
    /// @dev Of how many products of a manufacturer an account is an operator.
    mapping(bytes32 manufacturer => mapping(address account => uint256)) private _operates;
    /// @dev How many roles an account holds, the default admin's aside.
    mapping(address account => uint256) private _duties;

    /// @dev From when on a proposed role can be granted; 0: not proposed.
    mapping(bytes32 role => mapping(address account => uint48)) private _proposed;
    /// @dev From when on a guardian can be removed; 0: not proposed.
    mapping(address guardian => uint48) private _removals;
    /// @dev Releases that have a live policy of the region's own, newest first, 0 behind the last; some may have been
    /// revoked since.
    mapping(bytes32 product => mapping(bytes32 region => uint64[MAX_STEERED])) private _steered;

    /**
     * @param delay seconds between the proposal of a role, the admin's own included, and its grant; at most MAX_DELAY
     * @param admin first default admin
     * @param pauser first account that may pause and unpause
     * @param guardians accounts that may stop, 1 to MAX_GUARDIANS; two or more can protect one another
     */
    constructor(
        uint48 delay,
        address admin,
        address pauser,
        address[] memory guardians
    ) AccessControlDefaultAdminRules(delay, admin) {
        _bound("delay", delay, 0, MAX_DELAY);
        _bound("guardians", guardians.length, 1, MAX_GUARDIANS);
        _grantRole(PAUSER_ROLE, pauser);
        for (uint256 i = 0; i < guardians.length; ++i) {
            _grantRole(GUARDIAN_ROLE, guardians[i]);
        }
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
        _createProduct(product, name, manufacturer, operator);
        emit ProductCreated(product, name, manufacturer, operator);
        _roll(product, abi.encodeCall(this.createProduct, (product, name, manufacturer, operator)));
    }

    /**
     * @notice Adds a product that comes from another registry: its next release has the number after latest, so that
     * devices, which never go back, follow.
     * @param latest newest sequence published there, 1 to MAX_CONTINUED
     */
    function continueProduct(
        bytes32 product,
        string calldata name,
        bytes32 manufacturer,
        address operator,
        uint64 latest
    ) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _bound("latest", latest, 1, MAX_CONTINUED);
        _createProduct(product, name, manufacturer, operator);
        _products[product].base = latest;
        _products[product].latest = latest;
        emit ProductContinued(product, name, manufacturer, operator, latest);
        _roll(product, abi.encodeCall(this.continueProduct, (product, name, manufacturer, operator, latest)));
    }

    // ---------------------------------------------------------------------------- granting and withdrawing roles

    /// @notice Proposes to give an account a role. It can be granted one {defaultAdminDelay} later.
    function proposeGrant(bytes32 role, address account) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _mayHold(role, account);
        if (hasRole(role, account)) revert AlreadyExists(role);
        uint48 from = uint48(block.timestamp) + defaultAdminDelay();
        _proposed[role][account] = from;
        emit GrantProposed(role, account, from);
    }

    /// @notice Grants a role that was proposed. For the default admin and the account itself.
    function executeGrant(bytes32 role, address account) external {
        if (_msgSender() != account) _checkRole(DEFAULT_ADMIN_ROLE);
        _ripe(_proposed[role][account]);
        delete _proposed[role][account];
        _grantRole(role, account);
    }

    /// @notice Cancels the proposal of a role. For guardians, the default admin and the account itself.
    function cancelGrant(bytes32 role, address account) external {
        if (_msgSender() != account) _asGuardianOrAdmin();
        if (_proposed[role][account] == 0) revert NotProposed();
        delete _proposed[role][account];
        emit GrantCancelled(role, account, _msgSender());
    }

    /// @notice Proposes to remove a guardian. It can be done one {defaultAdminDelay} later.
    function proposeRemoval(address guardian) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _checkRole(GUARDIAN_ROLE, guardian);
        uint48 from = uint48(block.timestamp) + defaultAdminDelay();
        _removals[guardian] = from;
        emit RemovalProposed(guardian, from);
    }

    /// @notice Removes a guardian whose removal was proposed.
    function executeRemoval(address guardian) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _ripe(_removals[guardian]);
        _revokeRole(GUARDIAN_ROLE, guardian);
    }

    /// @notice Cancels the removal of a guardian. For the default admin and guardians, but not for the one concerned:
    /// a guardian's key in wrong hands could not be got rid of.
    function cancelRemoval(address guardian) external {
        if (_msgSender() == guardian) revert RoleConflict(guardian, GUARDIAN_ROLE);
        _asGuardianOrAdmin();
        if (_removals[guardian] == 0) revert NotProposed();
        delete _removals[guardian];
        emit RemovalCancelled(guardian, _msgSender());
    }

    /// @notice Grants nothing: see {proposeGrant}, and {beginDefaultAdminTransfer} for the default admin's role.
    function grantRole(bytes32, address) public pure override {
        revert Delayed();
    }

    /// @notice Withdraws a manufacturer's, operator's or pauser's role from an account, at once. For guardians; the
    /// holder can renounce it. Guardians are removed by {proposeRemoval}.
    function revokeRole(bytes32 role, address account) public override onlyRole(GUARDIAN_ROLE) {
        if (role == DEFAULT_ADMIN_ROLE) revert AccessControlEnforcedDefaultAdminRules();
        if (role == GUARDIAN_ROLE) revert Delayed();
        _revokeRole(role, account);
    }

    /// @notice Cancels the announced transfer of the default admin's role. For the default admin and guardians.
    function cancelDefaultAdminTransfer() public override {
        _asGuardianOrAdmin();
        _cancelDefaultAdminTransfer();
    }

    /// @notice Announces another delay, at most MAX_DELAY.
    function changeDefaultAdminDelay(uint48 newDelay) public override {
        _bound("delay", newDelay, 0, MAX_DELAY);
        super.changeDefaultAdminDelay(newDelay);
    }

    /// @notice Cancels the announced change of the delay. For the default admin and guardians.
    function rollbackDefaultAdminDelay() public override {
        _asGuardianOrAdmin();
        _rollbackDefaultAdminDelay();
    }

    /// @notice From when on a proposed role can be granted, seconds since 1970; 0: it is not proposed.
    function pendingGrant(bytes32 role, address account) external view returns (uint48 from) {
        return _proposed[role][account];
    }

    /// @notice From when on a guardian can be removed, seconds since 1970; 0: its removal is not proposed.
    function pendingRemoval(address guardian) external view returns (uint48 from) {
        return _removals[guardian];
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
        _steer(product, region, sequence, policy.mode != MODE_PAUSED || policy.warm);
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

    /// @notice Stops the whole registry: nothing can be published, no device installs. For pausers and guardians.
    function pause() external {
        if (!hasRole(GUARDIAN_ROLE, _msgSender())) _checkRole(PAUSER_ROLE);
        _pause();
        _roll(0, abi.encodeCall(this.pause, ()));
    }

    /// @notice Lifts the pause. For pausers alone: who may stop for any reason shall not judge when it is over.
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
        _roll(0, abi.encodeCall(this.unpause, ()));
    }

    // ------------------------------------------------------------------------------------------------- views

    /**
     * @notice Everything a device of a product in a region needs, in one call. The candidates, newest first, none
     * twice and none revoked, are
     *  - the MAX_NEWEST newest releases, found among the MAX_WALK newest sequences;
     *  - the MAX_LIVE newest that are live in the region, with a policy that lets some device fetch or install, and
     *    the newest that is for all and not halted;
     *  - the barrier release.
     * Only who steers rollouts decides what is live, so nothing that is published can displace it.
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
        Product storage p = _product(product);
        uint64 latest = p.latest;
        if (from <= p.base) from = p.base + 1;
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

    /// @notice Role of those who publish for a manufacturer.
    function manufacturerRole(bytes32 manufacturer) public pure returns (bytes32) {
        return keccak256(abi.encode("MANUFACTURER_ROLE", manufacturer));
    }

    /// @notice Role of those who steer a product's rollouts.
    function operatorRole(bytes32 product) public pure returns (bytes32) {
        return keccak256(abi.encode("OPERATOR_ROLE", product));
    }

    // ------------------------------------------------------------------------------------------ role separation

    /**
     * @dev The one place through which every grant goes: the constructor, creation, executed proposals and the
     * acceptance of the default admin's role.
     */
    function _grantRole(bytes32 role, address account) internal override returns (bool granted) {
        _mayHold(role, account);
        granted = super._grantRole(role, account);
        if (granted && role != DEFAULT_ADMIN_ROLE) {
            ++_duties[account];
            bytes32 manufacturer = _roleManufacturer[role];
            if (manufacturer != 0 && role != manufacturerRole(manufacturer)) ++_operates[manufacturer][account];
        }
    }

    /// @dev Refuses roles that do not exist and those that another role of the account excludes.
    function _mayHold(bytes32 role, address account) private view {
        if (account == address(0)) revert ZeroValue("account");
        if (role == DEFAULT_ADMIN_ROLE || role == GUARDIAN_ROLE) {
            uint256 own = hasRole(GUARDIAN_ROLE, account) && role == GUARDIAN_ROLE ? 1 : 0;
            if (_duties[account] != own || account == defaultAdmin()) revert RoleConflict(account, role);
            return;
        }
        bytes32 manufacturer = _roleManufacturer[role];
        if (manufacturer == 0 && role != PAUSER_ROLE) revert UnknownRole(role);
        if (account == defaultAdmin() || hasRole(GUARDIAN_ROLE, account)) revert RoleConflict(account, role);
        if (manufacturer == 0) return;
        bytes32 manufacturing = manufacturerRole(manufacturer);
        if (role != manufacturing ? hasRole(manufacturing, account) : _operates[manufacturer][account] != 0) {
            revert RoleConflict(account, role);
        }
    }

    /// @dev The one place through which every loss of a role goes.
    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        if (revoked && role != DEFAULT_ADMIN_ROLE) {
            --_duties[account];
            bytes32 manufacturer = _roleManufacturer[role];
            if (manufacturer != 0 && role != manufacturerRole(manufacturer)) --_operates[manufacturer][account];
            delete _proposed[role][account];
            if (role == GUARDIAN_ROLE) delete _removals[account];
        }
    }

    function _asGuardianOrAdmin() private view {
        if (!hasRole(GUARDIAN_ROLE, _msgSender())) _checkRole(DEFAULT_ADMIN_ROLE);
    }

    /// @dev Checks that a proposal can be executed now.
    function _ripe(uint48 from) private view {
        if (from == 0) revert NotProposed();
        if (block.timestamp < from || block.timestamp > from + GRANT_WINDOW) {
            revert OutsideWindow(from, from + GRANT_WINDOW);
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
        if (sequence <= p.base) revert EarlierRegistry(sequence, p.base + 1);
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

    function _createProduct(
        bytes32 product,
        string calldata name,
        bytes32 manufacturer,
        address operator
    ) private {
        _newId(product, name, "name");
        if (_manufacturers[manufacturer].threshold == 0) revert UnknownManufacturer(manufacturer);
        _products[product].manufacturer = manufacturer;
        _products[product].name = name;
        bytes32 role = operatorRole(product);
        _roleManufacturer[role] = manufacturer;
        _grantRole(role, operator);
    }

    function _storeKeys(bytes32 id, uint8 threshold, bytes[] calldata keys) private {
        _bound("keys", keys.length, 1, MAX_KEYS);
        _bound("threshold", threshold, 1, keys.length);
        bytes32[] memory seen = new bytes32[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            _bound("key", keys[i].length, 1, MAX_KEY);
            seen[i] = _unsigned(keys[i]);
            for (uint256 j = 0; j < i; ++j) {
                if (seen[j] == seen[i]) revert DuplicateKey(i);
            }
        }
        _manufacturers[id].threshold = threshold;
        _manufacturers[id].keys = keys;
    }

    /// @dev Digest of a key without the sign of its point, in the known kinds of Multikey: compressed secp256k1 (0xe7)
    /// and P-256 (0x1200) keys tell it in the byte behind the prefix, Ed25519 (0xed) in the last byte's highest bit.
    function _unsigned(bytes calldata key) private pure returns (bytes32) {
        bytes memory k = key;
        if (k.length == 35 && (bytes2(k) == 0xe701 || bytes2(k) == 0x8024)) {
            k[2] = 0;
        } else if (k.length == 34 && bytes2(k) == 0xed01) {
            k[33] &= 0x7f;
        }
        return keccak256(k);
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

    /**
     * @dev Keeps the list of a region's live releases: takes this one out or in, and drops those that were revoked.
     * When there is no room the oldest goes, but for the newest that is for all: it is what runs in the field.
     */
    function _steer(bytes32 product, bytes32 region, uint64 sequence, bool live) private {
        uint64[MAX_STEERED] memory before = _steered[product][region];
        uint64[MAX_STEERED + 1] memory list;
        uint256 n;
        bool stable;
        for (uint256 i = 0; i < MAX_STEERED; ++i) {
            uint64 s = before[i];
            if (live && sequence > s) {
                list[n++] = sequence;
                live = false;
            }
            if (s != 0 && s != sequence && !_releases[product][s].info.revoked) list[n++] = s;
        }
        if (live) list[n++] = sequence;
        if (n > MAX_STEERED) {
            for (uint256 i = 0; i < MAX_STEERED && !stable; ++i) {
                stable = _forAll(product, region, list[i]);
            }
            if (!stable && _forAll(product, region, list[MAX_STEERED])) {
                list[MAX_STEERED - 1] = list[MAX_STEERED];
            }
        }
        for (uint256 i = 0; i < MAX_STEERED; ++i) {
            before[i] = list[i];
        }
        _steered[product][region] = before;
    }

    /// @dev Whether a region's own policy gives a release to all, and nothing stops it.
    function _forAll(bytes32 product, bytes32 region, uint64 sequence) private view returns (bool) {
        Release storage r = _releases[product][sequence];
        return r.rollouts[region].policy.mode == MODE_ALL && !r.halted && !r.info.revoked;
    }

    /// @dev Sequences on offer, newest first.
    function _offer(
        bytes32 product,
        Product storage p,
        bytes32 region
    ) private view returns (uint64[MAX_OFFER] memory picks, uint256 n) {
        uint64 s = p.latest;
        for (uint256 steps = 0; s > p.base && n < MAX_NEWEST && steps < MAX_WALK; ++steps) {
            if (!_releases[product][s].info.revoked) picks[n++] = s;
            --s;
        }
        uint64[MAX_STEERED] memory own = _steered[product][region];
        uint64[MAX_STEERED] memory common = _steered[product][0];
        uint256 i;
        uint256 j;
        uint256 live;
        bool stable;
        while (live < MAX_LIVE || !stable) {
            uint64 a = i < MAX_STEERED ? own[i] : 0;
            uint64 b = j < MAX_STEERED ? common[j] : 0;
            if (a == 0 && b == 0) break;
            s = a > b ? a : b;
            if (a == s) ++i;
            if (b == s) ++j;
            Release storage r = _releases[product][s];
            if (r.info.revoked) continue;
            Policy storage policy = _policy(r, region);
            bool forAll = policy.mode == MODE_ALL && !r.halted;
            if (live < MAX_LIVE ? policy.mode != MODE_PAUSED || policy.warm : forAll) {
                ++live;
                stable = stable || forAll;
                n = _insert(picks, n, s);
            }
        }
        s = p.barrier;
        if (s != 0 && !_releases[product][s].info.revoked) n = _insert(picks, n, s);
    }

    /// @dev Puts a sequence in its place, once.
    function _insert(uint64[MAX_OFFER] memory picks, uint256 n, uint64 s) private pure returns (uint256) {
        uint256 place = n;
        while (place > 0 && picks[place - 1] < s) --place;
        if (place > 0 && picks[place - 1] == s) return n;
        for (uint256 i = n; i > place; --i) {
            picks[i] = picks[i - 1];
        }
        picks[place] = s;
        return n + 1;
    }

    function _policy(Release storage r, bytes32 region) private view returns (Policy storage) {
        Rollout storage rollout = r.rollouts[region];
        if (!rollout.set) rollout = r.rollouts[0];
        return rollout.policy;
    }

    function _candidates(
        bytes32 product,
        Product storage p,
        bytes32 region
    ) private view returns (Candidate[] memory list) {
        (uint64[MAX_OFFER] memory picks, uint256 n) = _offer(product, p, region);
        list = new Candidate[](n);
        for (uint256 i = 0; i < n; ++i) {
            Release storage r = _releases[product][picks[i]];
            list[i] = Candidate({release: r.info, halted: r.halted, policy: _policy(r, region)});
        }
    }
}
