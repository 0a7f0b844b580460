// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package bindings

import (
	"bytes"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Reference imports to suppress errors if they are not otherwise used.
var (
	_ = bytes.Equal
	_ = errors.New
	_ = big.NewInt
	_ = common.Big1
	_ = types.BloomLookup
	_ = abi.ConvertType
)

// FirmwareRegistryCandidate is an auto generated low-level Go binding around an user-defined struct.
type FirmwareRegistryCandidate struct {
	Release FirmwareRegistryReleaseInfo
	Halted  bool
	Policy  FirmwareRegistryPolicy
}

// FirmwareRegistryPolicy is an auto generated low-level Go binding around an user-defined struct.
type FirmwareRegistryPolicy struct {
	Mode      uint8
	Warm      bool
	NotBefore uint64
	Start     uint64
	Duration  uint32
	StartBps  uint16
	EndBps    uint16
	Label     string
	Canaries  [][32]byte
}

// FirmwareRegistryReleaseInfo is an auto generated low-level Go binding around an user-defined struct.
type FirmwareRegistryReleaseInfo struct {
	Sequence    uint64
	PublishedAt uint64
	ImageSize   uint64
	ImageSha256 [32]byte
	Envelope    [32]byte
	Revoked     bool
	Version     string
}

// FirmwareRegistryView is an auto generated low-level Go binding around an user-defined struct.
type FirmwareRegistryView struct {
	ChainId      *big.Int
	BlockNumber  uint64
	BlockTime    uint64
	Rev          uint64
	RevBlock     uint64
	Digest       [32]byte
	Paused       bool
	Latest       uint64
	MinSequence  uint64
	Barrier      uint64
	Manufacturer string
	Threshold    uint8
	Keys         [][]byte
	Candidates   []FirmwareRegistryCandidate
}

// FirmwareRegistryMetaData contains all meta data concerning the FirmwareRegistry contract.
var FirmwareRegistryMetaData = bind.MetaData{
	ABI: "[{\"inputs\":[{\"internalType\":\"uint48\",\"name\":\"delay\",\"type\":\"uint48\"},{\"internalType\":\"address\",\"name\":\"admin\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"pauser\",\"type\":\"address\"},{\"internalType\":\"address[]\",\"name\":\"guardians\",\"type\":\"address[]\"}],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"inputs\":[],\"name\":\"AccessControlBadConfirmation\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint48\",\"name\":\"schedule\",\"type\":\"uint48\"}],\"name\":\"AccessControlEnforcedDefaultAdminDelay\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"AccessControlEnforcedDefaultAdminRules\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"defaultAdmin\",\"type\":\"address\"}],\"name\":\"AccessControlInvalidDefaultAdmin\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"neededRole\",\"type\":\"bytes32\"}],\"name\":\"AccessControlUnauthorizedAccount\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"AlreadyExists\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"Delayed\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"DuplicateKey\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"first\",\"type\":\"uint64\"}],\"name\":\"EarlierRegistry\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"EnforcedPause\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"ExpectedPause\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"expected\",\"type\":\"bytes32\"}],\"name\":\"IdMismatch\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"given\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"current\",\"type\":\"uint64\"}],\"name\":\"MinSequenceNotRaised\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"NotProposed\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"field\",\"type\":\"string\"},{\"internalType\":\"uint256\",\"name\":\"given\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"min\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"max\",\"type\":\"uint256\"}],\"name\":\"OutOfBounds\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint48\",\"name\":\"from\",\"type\":\"uint48\"},{\"internalType\":\"uint48\",\"name\":\"until\",\"type\":\"uint48\"}],\"name\":\"OutsideWindow\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"ReleaseRevoked\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"}],\"name\":\"RoleConflict\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint8\",\"name\":\"bits\",\"type\":\"uint8\"},{\"internalType\":\"uint256\",\"name\":\"value\",\"type\":\"uint256\"}],\"name\":\"SafeCastOverflowedUintDowncast\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"given\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"expected\",\"type\":\"uint64\"}],\"name\":\"SequenceNotNext\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"}],\"name\":\"UnknownManufacturer\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"}],\"name\":\"UnknownProduct\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"latest\",\"type\":\"uint64\"}],\"name\":\"UnknownRelease\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"}],\"name\":\"UnknownRole\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"field\",\"type\":\"string\"}],\"name\":\"ZeroValue\",\"type\":\"error\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"BarrierSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"subject\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"rev\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"time\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"previousBlock\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"}],\"name\":\"Changed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"DefaultAdminDelayChangeCanceled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"newDelay\",\"type\":\"uint48\"},{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"effectSchedule\",\"type\":\"uint48\"}],\"name\":\"DefaultAdminDelayChangeScheduled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"DefaultAdminTransferCanceled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"newAdmin\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"acceptSchedule\",\"type\":\"uint48\"}],\"name\":\"DefaultAdminTransferScheduled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"by\",\"type\":\"address\"}],\"name\":\"GrantCancelled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"from\",\"type\":\"uint48\"}],\"name\":\"GrantProposed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bool\",\"name\":\"halted\",\"type\":\"bool\"}],\"name\":\"HaltedSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"indexed\":false,\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"}],\"name\":\"KeysSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"did\",\"type\":\"string\"},{\"indexed\":false,\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"indexed\":false,\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"admin\",\"type\":\"address\"}],\"name\":\"ManufacturerCreated\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"MinSequenceRaised\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"Paused\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"latest\",\"type\":\"uint64\"}],\"name\":\"ProductContinued\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"}],\"name\":\"ProductCreated\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"}],\"name\":\"Published\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"guardian\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"by\",\"type\":\"address\"}],\"name\":\"RemovalCancelled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"guardian\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"from\",\"type\":\"uint48\"}],\"name\":\"RemovalProposed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"Revoked\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"previousAdminRole\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"newAdminRole\",\"type\":\"bytes32\"}],\"name\":\"RoleAdminChanged\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"sender\",\"type\":\"address\"}],\"name\":\"RoleGranted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"sender\",\"type\":\"address\"}],\"name\":\"RoleRevoked\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"region\",\"type\":\"bytes32\"},{\"components\":[{\"internalType\":\"uint8\",\"name\":\"mode\",\"type\":\"uint8\"},{\"internalType\":\"bool\",\"name\":\"warm\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"notBefore\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"start\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"duration\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"startBps\",\"type\":\"uint16\"},{\"internalType\":\"uint16\",\"name\":\"endBps\",\"type\":\"uint16\"},{\"internalType\":\"string\",\"name\":\"label\",\"type\":\"string\"},{\"internalType\":\"bytes32[]\",\"name\":\"canaries\",\"type\":\"bytes32[]\"}],\"indexed\":false,\"internalType\":\"structFirmwareRegistry.Policy\",\"name\":\"policy\",\"type\":\"tuple\"}],\"name\":\"RolloutSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"Unpaused\",\"type\":\"event\"},{\"inputs\":[],\"name\":\"DEFAULT_ADMIN_ROLE\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"GUARDIAN_ROLE\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"PAUSER_ROLE\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"VERSION\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"acceptDefaultAdminTransfer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"newAdmin\",\"type\":\"address\"}],\"name\":\"beginDefaultAdminTransfer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"cancelDefaultAdminTransfer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"cancelGrant\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"guardian\",\"type\":\"address\"}],\"name\":\"cancelRemoval\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint48\",\"name\":\"newDelay\",\"type\":\"uint48\"}],\"name\":\"changeDefaultAdminDelay\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"region\",\"type\":\"bytes32\"}],\"name\":\"check\",\"outputs\":[{\"components\":[{\"internalType\":\"uint256\",\"name\":\"chainId\",\"type\":\"uint256\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"blockTime\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"rev\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"revBlock\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"paused\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"latest\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"minSequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"barrier\",\"type\":\"uint64\"},{\"internalType\":\"string\",\"name\":\"manufacturer\",\"type\":\"string\"},{\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"},{\"components\":[{\"components\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"publishedAt\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"revoked\",\"type\":\"bool\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"}],\"internalType\":\"structFirmwareRegistry.ReleaseInfo\",\"name\":\"release\",\"type\":\"tuple\"},{\"internalType\":\"bool\",\"name\":\"halted\",\"type\":\"bool\"},{\"components\":[{\"internalType\":\"uint8\",\"name\":\"mode\",\"type\":\"uint8\"},{\"internalType\":\"bool\",\"name\":\"warm\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"notBefore\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"start\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"duration\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"startBps\",\"type\":\"uint16\"},{\"internalType\":\"uint16\",\"name\":\"endBps\",\"type\":\"uint16\"},{\"internalType\":\"string\",\"name\":\"label\",\"type\":\"string\"},{\"internalType\":\"bytes32[]\",\"name\":\"canaries\",\"type\":\"bytes32[]\"}],\"internalType\":\"structFirmwareRegistry.Policy\",\"name\":\"policy\",\"type\":\"tuple\"}],\"internalType\":\"structFirmwareRegistry.Candidate[]\",\"name\":\"candidates\",\"type\":\"tuple[]\"}],\"internalType\":\"structFirmwareRegistry.View\",\"name\":\"v\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"latest\",\"type\":\"uint64\"}],\"name\":\"continueProduct\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"string\",\"name\":\"did\",\"type\":\"string\"},{\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"},{\"internalType\":\"address\",\"name\":\"admin\",\"type\":\"address\"}],\"name\":\"createManufacturer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"}],\"name\":\"createProduct\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"defaultAdmin\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"defaultAdminDelay\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"defaultAdminDelayIncreaseWait\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"executeGrant\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"guardian\",\"type\":\"address\"}],\"name\":\"executeRemoval\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"}],\"name\":\"getRoleAdmin\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"name\":\"grantRole\",\"outputs\":[],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"hasRole\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"}],\"name\":\"manufacturerRole\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"}],\"name\":\"operatorRole\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"owner\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"pause\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"paused\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"pendingDefaultAdmin\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"newAdmin\",\"type\":\"address\"},{\"internalType\":\"uint48\",\"name\":\"schedule\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"pendingDefaultAdminDelay\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"newDelay\",\"type\":\"uint48\"},{\"internalType\":\"uint48\",\"name\":\"schedule\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"pendingGrant\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"from\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"guardian\",\"type\":\"address\"}],\"name\":\"pendingRemoval\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"from\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"}],\"name\":\"productOf\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"proposeGrant\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"guardian\",\"type\":\"address\"}],\"name\":\"proposeRemoval\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"},{\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"}],\"name\":\"publish\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"from\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"count\",\"type\":\"uint64\"}],\"name\":\"releases\",\"outputs\":[{\"components\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"publishedAt\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"revoked\",\"type\":\"bool\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"}],\"internalType\":\"structFirmwareRegistry.ReleaseInfo[]\",\"name\":\"page\",\"type\":\"tuple[]\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"renounceRole\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"revoke\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"revokeRole\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"rollbackDefaultAdminDelay\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"setBarrier\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"bool\",\"name\":\"halted\",\"type\":\"bool\"}],\"name\":\"setHalted\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"}],\"name\":\"setKeys\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"setMinSequence\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"region\",\"type\":\"bytes32\"},{\"components\":[{\"internalType\":\"uint8\",\"name\":\"mode\",\"type\":\"uint8\"},{\"internalType\":\"bool\",\"name\":\"warm\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"notBefore\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"start\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"duration\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"startBps\",\"type\":\"uint16\"},{\"internalType\":\"uint16\",\"name\":\"endBps\",\"type\":\"uint16\"},{\"internalType\":\"string\",\"name\":\"label\",\"type\":\"string\"},{\"internalType\":\"bytes32[]\",\"name\":\"canaries\",\"type\":\"bytes32[]\"}],\"internalType\":\"structFirmwareRegistry.Policy\",\"name\":\"policy\",\"type\":\"tuple\"}],\"name\":\"setRollout\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes4\",\"name\":\"interfaceId\",\"type\":\"bytes4\"}],\"name\":\"supportsInterface\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"subject\",\"type\":\"bytes32\"}],\"name\":\"trackOf\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"rev\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"revBlock\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"unpause\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"}]",
	ID:  "FirmwareRegistry",
	Bin: "0x6080806040523461028457615c38803803809161001c828561029c565b833981019060808183031261028457805165ffffffffffff8116908181036102845761004a602084016102bf565b610056604085016102bf565b606085015190946001600160401b03821161028457019480601f87011215610284578551956001600160401b038711610288578660051b906040519761009f602084018a61029c565b885260208089019282010192831161028457602001905b82821061026c575050506001600160a01b0381161561025957600180546001600160d01b031660d09390931b6001600160d01b031916929092179091556100fc906102f5565b5060405161010b60408261029c565b60058152602081016464656c617960d81b815262278d00831161020857505050815160405161013b60408261029c565b600981526020810168677561726469616e7360b81b81526001831080156101fe575b6101ae578461016b856103e4565b505f5b815181101561019f57600581901b82016020015160019190610198906001600160a01b03166104dc565b500161016e565b60405161537490816108648239f35b9060a49160405193849263808861f960e01b8452608060048501525180928160848601528585015e5f83830185015260248301526001604483015260086064830152601f01601f19168101030190fd5b506008831161015d565b9060a49160405193849263808861f960e01b8452608060048501525180928160848601528585015e5f84838501015260248301525f604483015262278d006064830152601f80199101168101030190fd5b636116401160e11b5f525f60045260245ffd5b60208091610279846102bf565b8152019101906100b6565b5f80fd5b634e487b7160e01b5f52604160045260245ffd5b601f909101601f19168101906001600160401b0382119082101761028857604052565b51906001600160a01b038216820361028457565b5f1981146102e15760010190565b634e487b7160e01b5f52601160045260245ffd5b90610300825f6105ac565b600254916001600160a01b0383166103d5576001600160a01b0381166001600160a01b0319939093168317600255610338905f6107db565b9182806103ce575b6103475750565b805f52600a60205260405f2061035d81546102d3565b90555f805260086020527f5eff886ea0ce6ca488a3d6e336d6c0f75f46d19b42c06ce5ee98e42c96d256c754801515806103bd575b61039a575050565b5f52600960205260405f20905f5260205260405f206103b981546102d3565b9055565b506103c781610794565b1515610392565b505f610340565b631fe1e13d60e11b5f5260045ffd5b906103fc825f516020615bf85f395f51905f526105ac565b610413825f516020615bf85f395f51905f526107db565b9182806104d4575b6104225750565b6001600160a01b0381165f908152600a602052604090208054610444906102d3565b90555f516020615bf85f395f51905f525f5260086020527f62e8532f45d82220ddea5da89acccbf142e829ab973b22f3386ec35cb0f9290154801515806104b5575b61048e575050565b5f52600960205260405f209060018060a01b03165f5260205260405f206103b981546102d3565b506104bf81610794565b5f516020615bf85f395f51905f521415610486565b50600161041b565b906104f4825f516020615c185f395f51905f526105ac565b61050b825f516020615c185f395f51905f526107db565b9182806105a4575b61051a5750565b6001600160a01b0381165f908152600a60205260409020805461053c906102d3565b90555f516020615c185f395f51905f525f5260086020527fd57491e45a9d5abd4e9e18440068d9eb8a8b0a871c8d2f3bac49d7679be95f6f54801515806105855761048e575050565b5061058f81610794565b5f516020615c185f395f51905f521415610486565b506001610513565b906001600160a01b03168015610764578115801561074e575b6106d157815f52600860205260405f205480158080916106ba575b6106a7576002546001600160a01b031683148015610684575b61066d576106685761060a81610794565b9083821461064957505f525f60205260405f20815f5260205260ff60405f2054165b610634575050565b630e4bdb3760e01b5f5260045260245260445ffd5b90505f52600960205260405f20815f5260205260405f2054151561062c565b505050565b5050630e4bdb3760e01b5f5260045260245260445ffd5b505f8381525f516020615bd85f395f51905f52602052604090205460ff166105f9565b836374cc4fed60e01b5f5260045260245ffd5b505f516020615bf85f395f51905f528414156105e0565b5f8181525f516020615bd85f395f51905f52602052604090205460ff1680610738575b156107305760ff60015b825f52600a6020521660405f20541480159061071c57610634575050565b506002546001600160a01b0316811461062c565b60ff5f6106fe565b505f516020615c185f395f51905f5282146106f4565b505f516020615c185f395f51905f5282146105c5565b60405163046c82ad60e41b81526020600482015260076024820152661858d8dbdd5b9d60ca1b6044820152606490fd5b60405160208101916040835260116060830152704d414e5546414354555245525f524f4c4560781b60808301526040820152608081526107d560a08261029c565b51902090565b5f818152602081815260408083206001600160a01b038616845290915290205460ff1661085d575f818152602081815260408083206001600160a01b0395909516808452949091528120805460ff19166001179055339291907f2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d9080a4600190565b50505f9056fe60806040526004361015610011575f80fd5b5f3560e01c806301f7c6e3146134f757806301ffc9a714613487578063022d63fb1461346a5780630aa6220b146133d8578063137eee05146133ba578063144fb3821461337a5780631668bd83146130db5780631c10f319146130b5578063248a9ca31461308957806324ea54f414613062578063257d67aa1461253657806327a88c68146124ea5780632bec25af146123ec5780632f2ff15d146123c357806336568abe146122d85780633e5baf9c146120fd5780633f4ba83a14612075578063462794c314611c065780635c975abb14611be457806361ae53d914611afa578063634e93da14611a1d578063649a5ec7146118185780636fd3436e146117bc57806380006f1f1461170e5780638456cb591461166557806384ef8ffc1461163d5780638da5cb5b1461163d57806391d14854146115f5578063a1eda53c14611593578063a217fddf14611579578063a56dc847146114b8578063aec849ac14610bf5578063aeebee8214610b44578063b487938314610a77578063b763db9014610a2e578063b92a995d1461094b578063bf2915be146108aa578063cc53458514610779578063cc8463c81461074f578063cefc1429146106a3578063cf6eefb71461066a578063d547741f14610604578063d602b9fd146105a3578063e63ab1e914610569578063e7719ed914610481578063e8a0894b1461042e578063f6a58101146102485763ffa1ad7414610229575f80fd5b34610244575f36600319011261024457602060405160028152f35b5f80fd5b346102445760a0366003190112610244576004356024356001600160401b0381116102445761027b9036906004016135cd565b91604435926102886135b7565b93608435946001600160401b03861690818703610244576102a833613d68565b60409687516102b78982613775565b60068152651b185d195cdd60d21b602082015260018410801561041f575b6103dc5750966103b7826103da996102f687969589986103d59a8d8d6147f0565b885f5260056020526001845f2001908154906001600160401b0360c01b9060c01b169060018060c01b0316179055875f5260056020526001835f2001846001600160401b031982541617905560018060a01b0316918285897f7b9cebf6111ee923bf55a0393af2b832f7d37bc295283e550cf6ab37af9e8ce46103858d86519182918883528d89840191613880565b8a60208301520390a45163f6a5810160e01b60208201526024810188905260a0604482015297889560c4870191613880565b926064850152608484015260a483015203601f198101845283613775565b6146f4565b005b885163808861f960e01b815260806004820152908190859061040290608484019061362a565b906024830152600160448301526501000000000060648301520390fd5b506501000000000084116102d5565b34610244576020366003190112610244576103da61044a61358b565b61045333613d68565b6001600160a01b0381165f908152600c602052604090205461047c9065ffffffffffff16614a26565b614ba8565b346102445760403660031901126102445760043561049d6135a1565b906104a733613d68565b6104b18282614e00565b5f818152602081815260408083206001600160a01b038616845290915290205460ff16610557577f7586dea8895db4af2c6cb1d0375f9b9aff49d31c3696902d49feac7c973726446020610514610506613d2f565b65ffffffffffff4216613705565b5f848152600b835260408082206001600160a01b0390971680835296845290819020805465ffffffffffff191665ffffffffffff909316928317905551908152a3005b6304a6f2f160e21b5f5260045260245ffd5b34610244575f3660031901126102445760206040517f65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a8152f35b34610244575f366003190112610244576105bb613ef6565b600180546001600160d01b0319811690915560a01c65ffffffffffff166105de57005b7f8886ebfc4259abdbc16601dd8fb5678e54878f47b3c34836cfc51154a96051095f80a1005b34610244576040366003190112610244576004356106206135a1565b61062933613dc8565b811561065b575f51602061531f5f395f51905f52821461064c576103da91614cd6565b6318ec472760e31b5f5260045ffd5b631fe1e13d60e11b5f5260045ffd5b34610244575f36600319011261024457600154604080516001600160a01b038316815260a09290921c65ffffffffffff16602083015290f35b34610244575f366003190112610244576001546001600160a01b0316330361073c5760015460a081901c65ffffffffffff16906001600160a01b031681158015610732575b61071f5760025461070c9190610706906001600160a01b0316614a95565b5061444e565b50600180546001600160d01b0319169055005b506319ca5ebb60e01b5f5260045260245ffd5b50428210156106e8565b636116401160e11b5f523360045260245ffd5b34610244575f366003190112610244576020610769613d2f565b65ffffffffffff60405191168152f35b34610244576040366003190112610244576004356107956136bd565b60016107a08361473e565b6107b46107ad8254613796565b3390613eae565b01918254926001600160401b038460401c16936001600160401b038416948086111561089457506001600160401b031680851161087e5750805467ffffffffffffffff60401b1916604084901b67ffffffffffffffff60401b161790556103da926103d590610870604051948592857f8b96786d1b816c67b0512afe5dd83e49cd3db7a3348d3f2fcd8907c1bc3577e95f80a363cc53458560e01b6020840152602483018590526001600160401b031660448301526064820190565b03601f198101845283613775565b846319ec2ee560e01b5f5260045260245260445ffd5b8563252d7a7b60e01b5f5260045260245260445ffd5b34610244576040366003190112610244576103da6004356108c96135a1565b906001600160a01b038216330361093d575b805f52600b60205260405f2060018060a01b0383165f5260205261090a65ffffffffffff60405f205416614a26565b5f818152600b602090815260408083206001600160a01b03861684529091529020805465ffffffffffff1916905561452e565b61094633613d68565b6108db565b34610244576040366003190112610244576103da60043561096a6136bd565b906103d56109778261473e565b6109836107ad84613930565b6109c68460016001600160401b0382169384610a1d575b01805467ffffffffffffffff60801b191660809290921b67ffffffffffffffff60801b16919091179055565b610870604051948592857f9b0d1fc797bdd9f0fe5029df0fa84b240130787c04b953b78f819e40a4b292885f80a363b92a995d60e01b6020840152602483018590526001600160401b031660448301526064820190565b610a28838289614937565b5061099a565b34610244576020366003190112610244576004355f526007602052606060405f20600181549101546001600160401b0360405192818116845260401c1660208301526040820152f35b3461024457606036600319011261024457600435610a936136bd565b9060443590811515918281036102445783610ae66001600160401b03926005610ad46103da98610ac28861473e565b610ace6107ad8a613930565b88614981565b019060ff801983541691151516179055565b169182827fb6a44c8e6d55c1a5bacc70292e66c637770cf55881e15452afcdd9d063fd07a76020604051858152a36040519263b487938360e01b602085015282602485015260448401526064830152606482526103d5608483613775565b34610244576040366003190112610244576103da6108706004356103d5610b696136bd565b6003610b8b82610b788661473e565b610b856107ad8254613796565b86614937565b01805460ff191660011790556040519384916001600160401b038116857f7daf8fe390c53ff75e93b33bedcc8775b7bc3f7e00c9bb6051eeddf67c0c00485f80a3635775f74160e11b6020840152602483018590526001600160401b031660448301526064820190565b3461024457608036600319011261024457600435610c116136bd565b60643591604435916001600160401b038411610244578360040190610120600319863603011261024457610c448361473e565b94610c516107ad85613930565b610c5a83613b5d565b9560409660ff885191610c6d8a84613775565b60048352636d6f646560e01b6020840152166003811161147c57505060c4820191610c9783613b6b565b61ffff895191610ca78b84613775565b6006835265656e6442707360d01b602084015216612710811161143f57505060a481019288610cd585613b6b565b61ffff80610ce285613b6b565b92610cef85519586613775565b6008855267737461727442707360c01b602086015216911680821161141a5750505060e4820190610d208288613b7a565b8b519150610d2e8c83613775565b60058252641b1858995b60da1b6020830152602081116113de575050610104830193610d5a8589613bac565b8c519150610d688d83613775565b600882526763616e617269657360c01b60208301528c81116113a2575050610d93876006928b614937565b01895f52602052895f2092600160ff19855416178455600184019160ff610db98a613b5d565b1660ff198454161783556024820196610dd188613be1565b151584549369ffffffffffffffff0000610ded60448301613bee565b60101b1694608467ffffffffffffffff60501b610e0c60648501613bee565b60501b169201359363ffffffff851685036102445761ffff60b01b90610e3190613b6b565b60b01b169461ffff60c01b90610e4690613b6b565b60c01b169561ffff60c01b199361ffff60b01b199261ff0063ffffffff60901b199260081b169071ffffffffffffffffffffffffffffffffff0019161716171617169063ffffffff60901b9060901b161717179055610ea9600283019187613b7a565b906001600160401b03821161131a57610ecc82610ec685546137dd565b85613830565b5f90601f83116001146113395782610f0d959360039593610f02935f9261132e575b50508160011b915f199060031b1c19161790565b90555b019185613bac565b91906001600160401b03831161131a57600160401b831161131a5781548383558084106112f0575b50905f5260205f205f5b8381106112dc575050505060ff610f5584613b5d565b1615908115916112cc575b50835f52600d602052855f20855f52602052855f2090865191825f905b6008600383011061128757505050610f9761010083613775565b865190610120610fa78184613775565b3683375f5f915f5b600881106111ad575090600891611189575b116110e9575b505f5b600881106110c1575050835f52600d602052855f20855f52602052855f20905f5b6002811061107957505050936108706103d5926001600160401b036103da9716928684877fda34fd533751ffab7866c570c4bbfba105c41fe3d017e845e41466a8aa13a730845160208152806110446020820189613c11565b0390a451958693632bb2126b60e21b6020860152866024860152604485015260648401526080608484015260a4830190613c11565b5f5f5b60048110611091575083820155600101610feb565b929060206001916001600160401b03845116906001600160401b038760061b92831b921b1916179201930161107c565b806001600160401b036110d660019385614970565b51166110e28286614768565b5201610fca565b9596929093915f965b6008881080611181575b1561112f57506111296111236001600160401b0361111a8a89614970565b51168a89615095565b97614440565b966110f2565b90929491939796501580611162575b611149575b87610fc7565b6001600160401b036101008201511660e0820152611143565b5061117c6001600160401b03610100830151168787615095565b61113e565b5080156110fc565b61119c61119582614440565b9185614970565b6001600160401b0387169052610fc1565b906001600160401b036111c08388614768565b5116918180611275575b61124a575b8260019293151580611237575b8d8161120a575b506111f0575b5001610faf565b6112036111fc86614440565b9588614970565b528c6111e9565b60ff91506003908d5f526006602052805f206001600160401b0385165f526020525f20015416158d6111e3565b506001600160401b0389168114156111dc565b6001915061126161125a85614440565b9487614970565b6001600160401b03891690525f91506111cf565b50826001600160401b038916116111ca565b600160806004928c6001600160401b038754809282821685521c1660208301528d6001600160401b0382851c169083015260c01c606082015201930191019091610f7d565b6112d69150613be1565b86610f60565b600190602084359401938184015501610f3f565b825f52838060205f20019103905f5b82811061130d575050610f35565b5f828201556001016112ff565b634e487b7160e01b5f52604160045260245ffd5b013590508e80610eee565b601f19831691845f5260205f20925f5b81811061138a5750926001928592610f0d98966003989610611373575b505050811b019055610f05565b01355f1983881b60f8161c191690558d8080611366565b91936020600181928787013581550195019201611349565b8c5163808861f960e01b815260806004820152925082918d906113c990608485019061362a565b9160248401525f604484015260648301520390fd5b8b5163808861f960e01b8152608060048201529250829161140390608484019061362a565b9060248301525f6044830152602060648301520390fd5b8b5163808861f960e01b815260806004820152935083926113c990608485019061362a565b895163808861f960e01b8152608060048201529250829161146490608484019061362a565b9060248301525f604483015261271060648301520390fd5b885163808861f960e01b815260806004820152925082916114a190608484019061362a565b9060248301525f6044830152600360648301520390fd5b34610244576020366003190112610244576001600160a01b036114d961358b565b16803314611556576114e9613ef6565b805f52600c60205265ffffffffffff60405f2054161561154757805f52600c60205260405f2065ffffffffffff1981541690557e9cdf520483d154abdda7276267d69c4962d1bf0907801646d4fbff40bf03726020604051338152a2005b6379543eaf60e11b5f5260045ffd5b630e4bdb3760e01b5f526004525f51602061531f5f395f51905f5260245260445ffd5b34610244575f3660031901126102445760206040515f8152f35b34610244575f366003190112610244576002548060d01c90811515806115eb575b156115e15760a01c65ffffffffffff165b6040805165ffffffffffff928316815292909116602083015290f35b50505f5f906115c5565b50428210156115b4565b346102445760403660031901126102445761160e6135a1565b6004355f525f60205260405f209060018060a01b03165f52602052602060ff60405f2054166040519015158152f35b34610244575f366003190112610244576002546040516001600160a01b039091168152602090f35b34610244575f36600319011261024457335f9081525f5160206152ff5f395f51905f52602052604090205460ff1615611700575b6116a1614779565b600160ff1960035416176003557f62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a2586020604051338152a1604051638456cb5960e01b6020820152600481526103da906116fb602482613775565b614614565b61170933613e28565b611699565b34610244576040366003190112610244576004356001600160a01b036117326135a1565b16908133036117af575b805f52600b60205260405f20825f5260205265ffffffffffff60405f2054161561154757805f52600b60205260405f20825f5260205260405f2065ffffffffffff1981541690557f536281c8651a997a13a7fbf92d89fcea0a456f0d8dc36871dc78ebd31c3ef51d6020604051338152a3005b6117b7613ef6565b61173c565b346102445760203660031901126102445761180e60026117dd60043561473e565b6117fa8154916117f3604051809581930161396d565b0383613775565b60405192839260408452604084019061362a565b9060208301520390f35b346102445760203660031901126102445760043565ffffffffffff8116908181036102445760405161184b604082613775565b600581526464656c617960d81b602082015262278d0083116119dd575061187133613d68565b61187a42615066565b9165ffffffffffff61188a613d2f565b168082111561198f57507ff1038c18cf84a56e432fdbfaf746924b7ea511dfe03a6506a0ceba4888788d9b9265ffffffffffff8262069780806118d7951091180262069780181690613705565b906002548060d01c80611933575b5050600280546001600160a01b031660a083901b65ffffffffffff60a01b161760d084901b6001600160d01b0319161790556040805165ffffffffffff9283168152919092166020820152a1005b42111561196557600180546001600160d01b031660309290921b6001600160d01b0319169190911790555b83806118e5565b507f2b1fa2edafe6f7b9e97c1a9e0c3660e645beb2dcaa2d45bdbf9beaf5472e1ec55f80a161195e565b0365ffffffffffff81116119c9577ff1038c18cf84a56e432fdbfaf746924b7ea511dfe03a6506a0ceba4888788d9b926118d79190613705565b634e487b7160e01b5f52601160045260245ffd5b60405163808861f960e01b8152608060048201529081908490611a0490608484019061362a565b9060248301525f604483015262278d0060648301520390fd5b3461024457602036600319011261024457611a3661358b565b611a3f33613d68565b7f3377dc44241e779dd06afab5b788a35ca5f3b778836e2990bdb26a2a4b2e5ed66020611a7c611a6e42615066565b611a76613d2f565b90613705565b600180546001600160d01b031981166001600160a01b039690961695861760a084811b65ffffffffffff60a01b169190911790925565ffffffffffff911c16611ad1575b65ffffffffffff60405191168152a2005b7f8886ebfc4259abdbc16601dd8fb5678e54878f47b3c34836cfc51154a96051095f80a1611ac0565b34610244576080366003190112610244576004356024356001600160401b038111610244576103da91611b346103d59236906004016135cd565b604493919335611b426135b7565b611b4b33613d68565b611b5881838589896147f0565b60018060a01b03168082867fcb5fb01203d20ad045dc6dee32d52c75d648be73c0254150c8f2769853860ced6040516020815280611b9b8c8a6020840191613880565b0390a4611bcb6040519687946361ae53d960e01b60208701528760248701526080604487015260a4860191613880565b916064840152608483015203601f198101845283613775565b34610244575f36600319011261024457602060ff600354166040519015158152f35b346102445760c036600319011261024457600435611c226136bd565b906044356001600160401b03811161024457611c429036906004016135cd565b9190926064356001600160401b0381168091036102445760a435608435611c67614779565b6001611c728661473e565b611c7f6107ad8254613796565b01966001600160401b0380611c96818b5416613a05565b1695169480860361205f5750604097611cce888a51611cb58c82613775565b60078152663b32b939b4b7b760c91b6020820152614794565b8851611cda8a82613775565b6009815268696d61676553697a6560b81b6020820152600186108015612052575b61201157508215611fde578315611fae57805467ffffffffffffffff191686179055875197611d298961375a565b8589526020890198426001600160401b03168a5281810186815260608201858152608083019087825260a08401925f84528c36611d669189613b18565b9d60c086019e8f528c5f526006602052865f208c5f52602052865f2095516001600160401b03166001600160401b03166001600160401b0319875416178655516001600160401b0316611ddc90869067ffffffffffffffff60401b82549160401b169067ffffffffffffffff60401b1916179055565b51845467ffffffffffffffff60801b191660809190911b67ffffffffffffffff60801b161784555160018401555160028301555115156003820190611e2c919060ff801983541691151516179055565b60040198519889516001600160401b03811161131a57611e5681611e5084546137dd565b84613830565b6020601f8211600114611f3c5791611e9482611f1395936103d59b9a999897956103da9f5f92611f315750508160011b915f199060031b1c19161790565b90555b86897fc46d68f5205cf76e7cde20a4341e132cef8ddd2f7a1ac1683729e142bd60d5d1611ed28d855191829160808352608083019089613880565b8b602083015289878301528a60608301520390a35198899663462794c360e01b6020890152896024890152604488015260c0606488015260e4870191613880565b92608485015260a484015260c483015203601f198101845283613775565b015190508f80610eee565b601f1982169b835f52815f209c5f5b818110611f965750926103da9d6103d59b9a999897959360019383611f13999710611f7e575b505050811b019055611e97565b01515f1960f88460031b161c191690558e8080611f71565b838301518f556001909e019d60209384019301611f4b565b885163046c82ad60e41b8152602060048201526008602482015267656e76656c6f706560c01b6044820152606490fd5b885163046c82ad60e41b815260206004820152600b60248201526a34b6b0b3b2a9b430991a9b60a91b6044820152606490fd5b895163808861f960e01b815260806004820152908190879061203790608484019061362a565b90602483015260016044830152631000000060648301520390fd5b5063100000008611611cfb565b85638c26acb360e01b5f5260045260245260445ffd5b34610244575f3660031901126102445761208e33613e28565b60035460ff8116156120ee5760ff19166003557f5db9ee0a495bf2e6ff9c91a7834c1ba4fdd244a5e8aa4e537bd38aeae4b073aa6020604051338152a1604051631fa5d41d60e11b6020820152600481526103da906116fb602482613775565b638dfc202b60e01b5f5260045ffd5b34610244576060366003190112610244576004356121196136bd565b604435906001600160401b03821680920361024457806001600160401b0360016121428661473e565b0154918183169260c01c9182911611156122c6575b506001600160401b038216908082111561229d5750505f915b808311612295575b506040821161228c575b61218b826139ee565b926121996040519485613775565b828452601f196121a8846139ee565b015f5b8181106122755750505f5b83811061222457846040518091602082016020835281518091526040830190602060408260051b8601019301915f905b8282106121f557505050500390f35b919360019193955060206122148192603f198a8203018652885161364e565b96019201920185949391926121e6565b600190825f52600660205260405f206001600160401b0361224781841687613a23565b165f5260205261225960405f20613aa1565b6122638288613a79565b5261226e8187613a79565b50016121b6565b602090612280613a43565b828289010152016121ab565b60409150612182565b915083612178565b036001600160401b0381116119c9576001600160401b0316600181018091116119c95791612170565b6122d1919250613a05565b9084612157565b34610244576040366003190112610244576004356122f46135a1565b8115806123ac575b612329575b336001600160a01b0382160361231a576103da91614cd6565b63334bd91960e11b5f5260045ffd5b60015465ffffffffffff60a082901c16906001600160a01b03161580159061239c575b801561238a575b61236f57506001805465ffffffffffff60a01b19169055612301565b65ffffffffffff906319ca5ebb60e01b5f521660045260245ffd5b504265ffffffffffff82161015612353565b5065ffffffffffff81161561234c565b506002546001600160a01b038281169116146122fc565b34610244576040366003190112610244576123dc6135a1565b506318ec472760e31b5f5260045ffd5b346102445760603660031901126102445760043560243560ff8116808203610244576044356001600160401b0381116102445761242d9036906004016135fa565b92845f52600460205260ff60405f205416156124d7579161087082612467866103d59589976124616107ad6103da9c613796565b88613fb0565b847f20bc20a861f36e29a770df23ed4cc65ae10ed3d619079e0441cf4e50e241da9860405185815260406020820152806124a5604082018b876138d1565b0390a2604051958693632bec25af60e01b602086015286602486015260448501526060606485015260848401916138d1565b846323d411f560e11b5f5260045260245ffd5b34610244576040366003190112610244576125036135a1565b6004355f52600b60205260405f209060018060a01b03165f52602052602065ffffffffffff60405f205416604051908152f35b34610244576040366003190112610244576040516101c081018181106001600160401b0382111761131a576040525f81525f60208201525f60408201525f60608201525f60808201525f60a08201525f60c08201525f60e08201525f6101008201525f61012082015260606101408201525f610160820152606061018082015260606101a08201526125c960043561473e565b9060026001835493845f5260046020526001600160401b0360405f2095468652814316602087015281421660408701526004355f52600760205260405f20905f5260076020528160405f20915f8052600760205260405f2092815493815492612636858516868816613a23565b858061264785549382851690613a23565b9860401c169560401c1685811161305a575b5060401c85168486168111613052575b508880809201549301549101546040519160208301938452604083015260608201526060815261269a608082613775565b51902060a089015216608087015216606085015260ff60035416151560c08501520154926001600160401b03841660e08401526001600160401b038460401c166101008401526001600160401b038460801c1661012084015260405161270e81612707816001860161396d565b0382613775565b61014084015260ff81541661016084015201805461272b816139ee565b916127396040519384613775565b81835260208301905f5260205f205f915b83831061302d575050505061018082015260405161010061276b8183613775565b803683375f906001600160401b038516945f955b8160c01c6001600160401b0382161180613023575b80613019575b1561281c576004355f52600660205260405f206001600160401b0382165f5260205260ff600360405f20015416156127f8575b6001600160401b038116156119c9576001600160401b03165f1901956127f290614440565b9561277f565b61280184614440565b936128166001600160401b0383169187614768565b526127cd565b509290936004355f52600d60205260405f206024355f5260205260405f2060405190815f905b60086003830110612fcd5750505061285a8682613775565b6004355f52600d60205260405f205f805260205260405f209460405195865f905b60086003830110612f81575050506128938787613775565b5f905f915f985f955b60048b10808015612f79575b15612f67576008841015612f61576001600160401b036128c88589614768565b51165b868c6008821015612f59576001600160401b03916128e891614768565b51165b6001600160401b0382161580612f48575b612a33576001600160401b0381166001600160401b038316115f14612a2c57815b6001600160401b03808416911614612a1c575b6001600160401b03808316911614612a0c575b6004355f52600660205260405f206001600160401b0382165f5260205260405f209160ff600384015416612a045761297d60243584615033565b549060ff8216906003821494856129f4575b50156129ec5715908115916129de575b505b6129ad575b505061289c565b909b976129be6129ce939b99614440565b9c81156129d6575b509789615183565b978b806129a6565b90508d6129c6565b60ff915060081c168e61299f565b5050816129a1565b6005015460ff161594505f61298f565b50505061289c565b95612a1690614440565b95612943565b94612a2690614440565b94612930565b809161291d565b5050509850985050925050509190915b6001600160401b038160801c16151580612f14575b612ef6575b50612a67816139ee565b91612a756040519384613775565b818352601f19612a84836139ee565b015f5b818110612e885750505f5b828110612d2d575050506101a08201526040519060208252805160208301526001600160401b0360208201511660408301526001600160401b0360408201511660608301526001600160401b0360608201511660808301526001600160401b0360808201511660a083015260a081015160c083015260c0810151151560e08301526001600160401b0360e082015116838301526001600160401b03610100820151166101208301526001600160401b0361012082015116610140830152612b6c6101408201516101c06101608501526101e084019061362a565b9060ff6101608201511661018084015261018081015191601f19848203016101a0850152825180825260208201916020808360051b8301019501925f915b838310612d00578888886101a089015190601f19838203016101c0840152815190818152602081016020808460051b8401019401955f925b848410612bef5786860387f35b9091929394601f198282030184528751906040612c15835160608452606084019061364e565b92602081015115156020840152015190604081840391015260ff81511682526020810151151560208301526001600160401b0360408201511660408301526001600160401b03606082015116606083015263ffffffff608082015116608083015261ffff60a08201511660a083015261ffff60c08201511660c083015283612cae60e083015161012060e086015261012085019061362a565b9101519184818303910152602080835192838152019201905f905b808210612ce85750505060209788019790959460010193019190612be2565b90919260208060019286518152019401920190612cc9565b9091929395602080612d1e600193601f198682030187528a5161362a565b98019301930191939290612baa565b6004355f52600660205260405f206001600160401b0380612d4e8486614768565b5116165f5260205260405f2060ff600582015416612d6e60243583615033565b90612d8460405193612d7f85613723565b613aa1565b835215156020830152600260405191612d9c8361373e565b61ffff815460ff8116855260ff8160081c16151560208601526001600160401b038160101c1660408601526001600160401b038160501c16606086015263ffffffff8160901c166080860152818160b01c1660a086015260c01c1660c0840152604051612e1081612707816001860161396d565b60e0840152016040519081602082549182815201915f5260205f20905f905b808210612e705750505090612e4b816001969594930382613775565b898201526040820152612e5e8287613a79565b52612e698186613a79565b5001612a92565b90919260016020819286548152019401920190612e2f565b602090604051612e9781613723565b612e9f613a43565b81525f83820152604051612eb28161373e565b5f81525f848201525f60408201525f60608201525f60808201525f60a08201525f60c0820152606060e082015260608a820152604082015282828801015201612a87565b906001600160401b03612f0e9260801c169083615183565b84612a5d565b506004355f52600660205260405f206001600160401b03808360801c16165f5260205260ff600360405f2001541615612a58565b506001600160401b038116156128fc565b50505f6128eb565b5f6128cb565b50985098505092505050919091612a43565b5087156128a8565b6001608060049285546001600160401b03811682526001600160401b038160401c1660208301526001600160401b0381841c16604083015260c01c60608201520193019101909161287b565b6001608060049285546001600160401b03811682526001600160401b038160401c1660208301526001600160401b0381841c16604083015260c01c606082015201930191019091612842565b506040871061279a565b5060028410612794565b60016020819260405161304481612707818961396d565b81520192019201919061274a565b935088612669565b945085612659565b34610244575f3660031901126102445760206040515f51602061531f5f395f51905f528152f35b34610244576020366003190112610244576004355f525f6020526020600160405f200154604051908152f35b346102445760203660031901126102445760206130d3600435613930565b604051908152f35b346102445760a0366003190112610244576024356001600160401b0381116102445761310b9036906004016135cd565b60443560ff81168103610244576064356001600160401b038111610244576131379036906004016135fa565b60843592916001600160a01b03841684036102445761315533613d68565b604061318081516131668382613775565b6003815262191a5960ea1b60208201528789600435613f24565b6004355f5260046020526001815f20016001600160401b03871161131a576131b2876131ac83546137dd565b83613830565b5f601f8811600114613300579260ff6132b68997946132ed9997946131f68a8e9d6103da9f9a6132ce9b5f926132f55750508160011b915f199060031b1c19161790565b90555b613207858588600435613fb0565b61322a88613216600435613796565b805f526008602052600435845f205561452e565b508051606081526132408c8b6060840191613880565b8488166020830152818103838301527f5b0d240fbaf931d200d6bde168cf72e03b3bc857eb1e0909a6fad2a52f14f35160018060a01b038b169280613289600435948b8b6138d1565b0390a351631668bd8360e01b6020820152600435602482015260a06044820152998a9860c48a0191613880565b931660648701528583036023190160848701526138d1565b6001600160a01b039190911660a483015203601f198101835282613775565b6004356146f4565b013590505f8f610eee565b601f19881690825f5260205f20915f5b81811061336257508997946132ed9997946132ce97948d60ff956103da9f9e6132b69610613349575b50505060018a811b0190556131f9565b01355f1960038d901b60f8161c191690558d8c81613339565b9192602060018192868f013581550194019201613310565b34610244576020366003190112610244576001600160a01b0361339b61358b565b165f52600c602052602065ffffffffffff60405f205416604051908152f35b346102445760203660031901126102445760206130d3600435613796565b34610244575f366003190112610244576133f0613ef6565b6002548060d01c8061340e575b600280546001600160a01b03169055005b42111561344057600180546001600160d01b031660309290921b6001600160d01b0319169190911790555b80806133fd565b507f2b1fa2edafe6f7b9e97c1a9e0c3660e645beb2dcaa2d45bdbf9beaf5472e1ec55f80a1613439565b34610244575f366003190112610244576020604051620697808152f35b346102445760203660031901126102445760043563ffffffff60e01b8116809103610244576020906318a4c3c360e11b81149081156134cc575b506040519015158152f35b637965db0b60e01b8114915081156134e6575b50826134c1565b6301ffc9a760e01b149050826134df565b346102445760203660031901126102445761351061358b565b61351933613d68565b61352281613dc8565b7fb05d59ebf7eb1497f30b2b9d1ffd2aede842a2022f6b2fea1901220b45b14b5d6020613550610506613d2f565b6001600160a01b039093165f818152600c8352604090819020805465ffffffffffff191665ffffffffffff90961695861790555193845292a2005b600435906001600160a01b038216820361024457565b602435906001600160a01b038216820361024457565b606435906001600160a01b038216820361024457565b9181601f84011215610244578235916001600160401b038311610244576020838186019501011161024457565b9181601f84011215610244578235916001600160401b038311610244576020808501948460051b01011161024457565b805180835260209291819084018484015e5f828201840152601f01601f1916010190565b9060e060c06136ba936001600160401b0381511684526001600160401b0360208201511660208501526001600160401b036040820151166040850152606081015160608501526080810151608085015260a0810151151560a08501520151918160c0820152019061362a565b90565b602435906001600160401b038216820361024457565b35906001600160401b038216820361024457565b65ffffffffffff62278d009116019065ffffffffffff82116119c957565b9065ffffffffffff8091169116019065ffffffffffff82116119c957565b606081019081106001600160401b0382111761131a57604052565b61012081019081106001600160401b0382111761131a57604052565b60e081019081106001600160401b0382111761131a57604052565b90601f801991011681019081106001600160401b0382111761131a57604052565b60405160208101916040835260116060830152704d414e5546414354555245525f524f4c4560781b60808301526040820152608081526137d760a082613775565b51902090565b90600182811c9216801561380b575b60208310146137f757565b634e487b7160e01b5f52602260045260245ffd5b91607f16916137ec565b5f5b82811061382357505050565b5f82820155600101613817565b91601f821161383f575b505050565b80821161384b57505050565b613876925f5260205f20916020601f830160051c9210613878575b601f82910160051c039101613815565b565b5f9150613866565b908060209392818452848401375f828201840152601f01601f1916010190565b9035601e19823603018112156102445701602081359101916001600160401b03821161024457813603831361024457565b90602083828152019260208260051b82010193835f925b8484106138f85750505050505090565b909192939495602080613920600193601f1986820301885261391a8b886138a0565b90613880565b98019401940192949391906138e8565b604051602081019160408352600d60608301526c4f50455241544f525f524f4c4560981b60808301526040820152608081526137d760a082613775565b5f929181549161397c836137dd565b80835292600181169081156139d1575060011461399857505050565b5f9081526020812093945091925b8383106139b7575060209250010190565b6001816020929493945483858701015201910191906139a6565b915050602093945060ff929192191683830152151560051b010190565b6001600160401b03811161131a5760051b60200190565b6001600160401b036001911601906001600160401b0382116119c957565b906001600160401b03809116911601906001600160401b0382116119c957565b60405190613a508261375a565b606060c0835f81525f60208201525f60408201525f838201525f60808201525f60a08201520152565b8051821015613a8d5760209160051b010190565b634e487b7160e01b5f52603260045260245ffd5b90600460c0604051613ab28161375a565b613b1481956001600160401b0381548181168552818160401c16602086015260801c166040840152600181015460608401526002810154608084015260ff600382015416151560a0840152613b0d604051809681930161396d565b0384613775565b0152565b9291926001600160401b03821161131a5760405191613b41601f8201601f191660200184613775565b829481845281830111610244578281602093845f960137010152565b3560ff811681036102445790565b3561ffff811681036102445790565b903590601e198136030182121561024457018035906001600160401b0382116102445760200191813603831361024457565b903590601e198136030182121561024457018035906001600160401b03821161024457602001918160051b3603831361024457565b3580151581036102445790565b356001600160401b03811681036102445790565b359061ffff8216820361024457565b90813560ff811680910361024457815260208201358015158091036102445760208201526001600160401b03613c49604084016136d3565b1660408201526001600160401b03613c63606084016136d3565b166060820152608082013563ffffffff811680910361024457608082015261ffff613c9060a08401613c02565b1660a082015261ffff613ca560c08401613c02565b1660c0820152613cce613cbb60e08401846138a0565b61012060e0850152610120840191613880565b91610100810135601e1982360301811215610244570191602083359301926001600160401b038111610244578060051b92833603851361024457808303610100909101528082526001600160fb1b0310610244578160209384830137010190565b6002548060d01c8015159081613d5e575b5015613d545760a01c65ffffffffffff1690565b5060015460d01c90565b905042115f613d40565b6001600160a01b0381165f9081527fad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5602052604090205460ff1615613daa5750565b63e2517d3f60e01b5f5260018060a01b03166004525f60245260445ffd5b6001600160a01b0381165f9081525f5160206152ff5f395f51905f52602052604090205460ff1615613df75750565b63e2517d3f60e01b5f9081526001600160a01b03919091166004525f51602061531f5f395f51905f52602452604490fd5b6001600160a01b0381165f9081527ff7c9542c591017a21c74b6f3fab6263c7952fc0aaf9db4c22a2a04ddc7f8674f602052604090205460ff1615613e6a5750565b63e2517d3f60e01b5f9081526001600160a01b03919091166004527f65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a602452604490fd5b90815f525f60205260405f2060018060a01b0382165f5260205260ff60405f20541615613ed9575050565b63e2517d3f60e01b5f5260018060a01b031660045260245260445ffd5b335f9081525f5160206152ff5f395f51905f52602052604090205460ff1615613f1b57565b61387633613d68565b92915f91613f3482602095614794565b8160405192839283378101838152039060025afa15613f8a575f51808203613f745750805f5260076020526001600160401b0360405f2054166105575750565b9063fd311b9d60e01b5f5260045260245260445ffd5b6040513d5f823e3d90fd5b90821015613a8d57613fac9160051b810190613b7a565b9091565b9291926040918251613fc28482613775565b60048152636b65797360e01b6020820152600185108015614436575b6143f8575060ff835191613ff28584613775565b60098352681d1a1c995cda1bdb1960ba1b602084015216906001821080156143ef575b6143b35750614023846139ee565b61402f84519182613775565b848152601f1961403e866139ee565b013660208301375f5b8581106142035750505f9182526004602052828220805460ff191690911790552060020191600160401b821161131a578254828455808310614185575b505f928352602083209290805b83831061409f575050505050565b6140a98183613b7a565b906001600160401b03821161131a576140cc826140c689546137dd565b89613830565b5f90601f831160011461411b5792614101836001959460209487965f926141105750508160011b915f199060031b1c19161790565b88555b01950192019193614091565b013590505f80610eee565b601f19831691885f5260205f20925f5b81811061416d5750936020936001969387969383889510614154575b505050811b018855614104565b01355f19600384901b60f8161c191690555f8080614147565b9193602060018192878701358155019501920161412b565b835f52828060205f20019103905f5b8281106141a2575050614084565b8060019183016141b281546137dd565b90816141c1575b505001614194565b81601f5f931185146141d75750555b5f806141b9565b818352602083206141f391601f0160051c841901908601613815565b80825281602081209155556141d0565b61420e818789613f95565b8651915061421c8783613775565b60038252626b657960e81b60208301526001811080156143a9575b61436c57505061425261424b82888a613f95565b3691613b18565b8051602381148061432c575b156142cf5750805160021015613a8d575f60228201535b602081519101206142868284613a79565b525f5b8181106142995750600101614047565b6142a38184613a79565b516142ae8385613a79565b51146142bc57600101614289565b506321889ad760e11b5f5260045260245ffd5b602281148061430c575b6142e4575b50614275565b60211015613a8d5760418101607f60f81b8151165f1a90825160211015613a8d57535f6142de565b5061ed0160f01b6001600160f01b031961432584614ff6565b16146142d9565b5061e70160f01b6001600160f01b031961434584614ff6565b16148061425e575061200960f21b6001600160f01b031961436584614ff6565b161461425e565b865163808861f960e01b8152608060048201529250829161439190608484019061362a565b90602483015260016044830152602860648301520390fd5b5060288111614237565b835163808861f960e01b81526080600482015291829186906143d990608485019061362a565b9160248401526001604484015260648301520390fd5b50848211614015565b835163808861f960e01b815260806004820152908190869061441e90608484019061362a565b90602483015260016044830152601060648301520390fd5b5060108511613fde565b5f1981146119c95760010190565b90614459825f614e00565b600254916001600160a01b03831661065b576001600160a01b0381166001600160a01b0319939093168317600255614491905f6150fb565b918280614527575b6144a05750565b805f52600a60205260405f206144b68154614440565b90555f805260086020527f5eff886ea0ce6ca488a3d6e336d6c0f75f46d19b42c06ce5ee98e42c96d256c75480151580614516575b6144f3575050565b5f52600960205260405f20905f5260205260405f206145128154614440565b9055565b5061452081613796565b15156144eb565b505f614499565b919061453a8184614e00565b821592836145e6575b61454d82826150fb565b8094816145dd575b5061455e575050565b6001600160a01b0382165f908152600a60205260409020805461458090614440565b9055805f52600860205260405f20549081151590816145ca575b506145a3575050565b5f52600960205260405f209060018060a01b03165f5260205260405f206145128154614440565b90506145d582613796565b14155f61459a565b9050155f614555565b6002546001600160a01b03811661065b576001600160a01b0319166001600160a01b03831617600255614543565b7facb25272d4b80bb32c7a3632956e4e9263cf71f7e9e7dacc965adbbb44ddd67560805f9283805260076020526146d26001600160401b036040862080549061465e838316613a05565b9460018201908154906020815191012060405190602082019283524360408301524260608301528982015288815261469760a082613775565b519020825467ffffffffffffffff60401b19861991909116888716171643861660401b67ffffffffffffffff60401b16179092559093849190565b558160405194168452814216602085015260401c1660408301526060820152a2565b9060807facb25272d4b80bb32c7a3632956e4e9263cf71f7e9e7dacc965adbbb44ddd67591835f5260076020526146d26001600160401b0360405f2080549061465e838316613a05565b90815f52600560205260405f20918254156147565750565b6312a3cb2360e31b5f5260045260245ffd5b906008811015613a8d5760051b0190565b60ff6003541661478557565b63d93c066560e01b5f5260045ffd5b906001811080156147e6575b6147a8575050565b60405163808861f960e01b815260806004820152925082916147ce90608484019061362a565b90602483015260016044830152608060648301520390fd5b50608081116147a0565b949392909460409261482084516148078682613775565b60048152636e616d6560e01b6020820152828985613f24565b825f52600460205260ff845f20541615614924575f8281526005602052848120849055849020600201906001600160401b03811161131a5761486681611e5084546137dd565b5f601f82116001146148b757816148a394939261489c926148b49a9b5f926141105750508160011b915f199060031b1c19161790565b9055613930565b91825f5260086020525f205561452e565b50565b601f19821690835f5260205f20915f5b81811061490c5750916148b4999a84926148a3979695600195106148f3575b505050811b019055613930565b01355f19600384901b60f8161c191690555f80806148e6565b9192602060018192868f0135815501940192016148c7565b826323d411f560e11b5f5260045260245ffd5b9161494491819493614981565b9160ff6003840154166149545750565b6001600160401b039063080f8c6d60e11b5f521660045260245ffd5b906009811015613a8d5760051b0190565b90916001600160401b03169182158015614a10575b6149eb576001015460c01c808311156149c257505f52600660205260405f20905f5260205260405f2090565b826149d46001600160401b0392613a05565b9063123bab6360e01b5f526004521660245260445ffd5b6001600160401b0360018492015416906319ec2ee560e01b5f5260045260245260445ffd5b506001600160401b036001820154168311614996565b65ffffffffffff8116908115611547578142108015614a70575b614a48575050565b90614a5965ffffffffffff926136e7565b906326fa492160e01b5f526004521660245260445ffd5b5065ffffffffffff614a81826136e7565b164211614a40565b80156119c9575f190190565b6002546001600160a01b038083169392614ab9929091168414614b93575b5f61527e565b918280614b8c575b614ac85750565b805f52600a60205260405f20614ade8154614a89565b90555f805260086020527f5eff886ea0ce6ca488a3d6e336d6c0f75f46d19b42c06ce5ee98e42c96d256c75480151580614b7b575b614b54575b505f9081527fdf7de25b7f1fd6d0b5205f0e18f1f35bd7b8d84cce336588d184533ce43a6f7660205260409020805465ffffffffffff19169055565b5f52600960205260405f20815f5260205260405f20614b738154614a89565b90555f614b18565b50614b8581613796565b1515614b13565b505f614ac1565b600280546001600160a01b0319169055614ab3565b90614bc0825f51602061531f5f395f51905f5261527e565b918280614cce575b614bcf5750565b6001600160a01b03165f818152600a602052604090208054614bf090614a89565b90555f51602061531f5f395f51905f525f5260086020527fd57491e45a9d5abd4e9e18440068d9eb8a8b0a871c8d2f3bac49d7679be95f6f5480151580614caf575b614c88575b505f9081527fa276f0bfe0859732480120e3b6916125aae014bd99863473a84b49fa0e44e46460209081526040808320805465ffffffffffff19908116909155600c90925290912080549091169055565b5f52600960205260405f20815f5260205260405f20614ca78154614a89565b90555f614c37565b50614cb981613796565b5f51602061531f5f395f51905f521415614c32565b506001614bc8565b801592918380614de9575b614dd4575b614cf0818361527e565b809481614dcb575b50614d01575050565b5f51602061531f5f395f51905f529060018060a01b031691825f52600a60205260405f20614d2f8154614a89565b9055805f52600860205260405f205480151580614db9575b614d92575b50805f52600b60205260405f20835f5260205260405f2065ffffffffffff19815416905514614d785750565b5f52600c60205260405f2065ffffffffffff198154169055565b5f52600960205260405f20835f5260205260405f20614db18154614a89565b90555f614d4c565b50614dc381613796565b821415614d47565b9050155f614cf8565b600280546001600160a01b0319169055614ce6565b506002546001600160a01b03828116911614614ce1565b906001600160a01b03168015614fc65781158015614fb0575b614f3357815f52600860205260405f20548015808091614f09575b614ef6576002546001600160a01b031683148015614ed3575b614ebc5761383a57614e5e81613796565b90838214614e9d57505f525f60205260405f20815f5260205260ff60405f2054165b614e88575050565b630e4bdb3760e01b5f5260045260245260445ffd5b90505f52600960205260405f20815f5260205260405f20541515614e80565b5050630e4bdb3760e01b5f5260045260245260445ffd5b505f8381525f5160206152ff5f395f51905f52602052604090205460ff16614e4d565b836374cc4fed60e01b5f5260045260245ffd5b507f65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a841415614e34565b5f8181525f5160206152ff5f395f51905f52602052604090205460ff1680614f9a575b15614f925760ff60015b825f52600a6020521660405f205414801590614f7e57614e88575050565b506002546001600160a01b03168114614e80565b60ff5f614f60565b505f51602061531f5f395f51905f528214614f56565b505f51602061531f5f395f51905f528214614e19565b60405163046c82ad60e41b81526020600482015260076024820152661858d8dbdd5b9d60ca1b6044820152606490fd5b80516020909101516001600160f01b0319811692919060028210615018575050565b6001600160f01b031960029290920360031b82901b16169150565b600601905f528060205260405f2060ff81541615615054575b600191500190565b505f8052602052600160405f2061504c565b65ffffffffffff811161507e5765ffffffffffff1690565b6306dfcc6560e41b5f52603060045260245260445ffd5b9190915f5260066020526001600160401b0360405f2091165f5260205260405f20905f5260068101602052600360ff600160405f200154161490816150eb575b816150de575090565b60ff915060030154161590565b600581015460ff161591506150d5565b5f818152602081815260408083206001600160a01b038616845290915290205460ff1661517d575f818152602081815260408083206001600160a01b0395909516808452949091528120805460ff19166001179055339291907f2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d9080a4600190565b50505f90565b91815b8015158061524e575b156151a25761519d90614a89565b615186565b9091928115158061521e575b61521857835b8281116151e057506001600160401b03916151ce91614768565b91169052600181018091116119c95790565b5f198101908082116119c9576001600160401b036152016152139385614768565b511661520d8285614768565b52614a89565b6151b4565b50505090565b505f1982018281116119c95761523c6001600160401b039183614768565b51166001600160401b038416146151ae565b505f1981018181116119c95761526c6001600160401b039186614768565b51166001600160401b0383161161518f565b5f818152602081815260408083206001600160a01b038616845290915290205460ff161561517d575f818152602081815260408083206001600160a01b0395909516808452949091528120805460ff19169055339291907ff6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b9080a460019056fe8a40f0b47fdc2a0ce293b772acfc7508c8315a4d462786c1adc3a56f92ca2d0555435dd261a4b9b3364963f7738a7a662ad9c84396d64be3365284bb7f0a5041a26469706673582212204b31f6b8ec5bb2e525097fcb6de556218003e7466065a5126814b2dc6ac21ea364736f6c634300082500338a40f0b47fdc2a0ce293b772acfc7508c8315a4d462786c1adc3a56f92ca2d0565d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a55435dd261a4b9b3364963f7738a7a662ad9c84396d64be3365284bb7f0a5041",
}

// FirmwareRegistry is an auto generated Go binding around an Ethereum contract.
type FirmwareRegistry struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *FirmwareRegistry) GetABI() abi.ABI {
	return c.abi
}

// NewFirmwareRegistry creates a new instance of FirmwareRegistry.
func NewFirmwareRegistry() *FirmwareRegistry {
	parsed, err := FirmwareRegistryMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &FirmwareRegistry{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *FirmwareRegistry) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackConstructor is the Go binding used to pack the parameters required for
// contract deployment.
//
// Solidity: constructor(uint48 delay, address admin, address pauser, address[] guardians) returns()
func (firmwareRegistry *FirmwareRegistry) PackConstructor(delay *big.Int, admin common.Address, pauser common.Address, guardians []common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("", delay, admin, pauser, guardians)
	if err != nil {
		panic(err)
	}
	return enc
}

// PackDEFAULTADMINROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa217fddf.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function DEFAULT_ADMIN_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) PackDEFAULTADMINROLE() []byte {
	enc, err := firmwareRegistry.abi.Pack("DEFAULT_ADMIN_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDEFAULTADMINROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa217fddf.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function DEFAULT_ADMIN_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) TryPackDEFAULTADMINROLE() ([]byte, error) {
	return firmwareRegistry.abi.Pack("DEFAULT_ADMIN_ROLE")
}

// UnpackDEFAULTADMINROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa217fddf.
//
// Solidity: function DEFAULT_ADMIN_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) UnpackDEFAULTADMINROLE(data []byte) ([32]byte, error) {
	out, err := firmwareRegistry.abi.Unpack("DEFAULT_ADMIN_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackGUARDIANROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x24ea54f4.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function GUARDIAN_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) PackGUARDIANROLE() []byte {
	enc, err := firmwareRegistry.abi.Pack("GUARDIAN_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGUARDIANROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x24ea54f4.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function GUARDIAN_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) TryPackGUARDIANROLE() ([]byte, error) {
	return firmwareRegistry.abi.Pack("GUARDIAN_ROLE")
}

// UnpackGUARDIANROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x24ea54f4.
//
// Solidity: function GUARDIAN_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) UnpackGUARDIANROLE(data []byte) ([32]byte, error) {
	out, err := firmwareRegistry.abi.Unpack("GUARDIAN_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackPAUSERROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe63ab1e9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function PAUSER_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) PackPAUSERROLE() []byte {
	enc, err := firmwareRegistry.abi.Pack("PAUSER_ROLE")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPAUSERROLE is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe63ab1e9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function PAUSER_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) TryPackPAUSERROLE() ([]byte, error) {
	return firmwareRegistry.abi.Pack("PAUSER_ROLE")
}

// UnpackPAUSERROLE is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe63ab1e9.
//
// Solidity: function PAUSER_ROLE() view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) UnpackPAUSERROLE(data []byte) ([32]byte, error) {
	out, err := firmwareRegistry.abi.Unpack("PAUSER_ROLE", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackVERSION is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xffa1ad74.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function VERSION() view returns(uint256)
func (firmwareRegistry *FirmwareRegistry) PackVERSION() []byte {
	enc, err := firmwareRegistry.abi.Pack("VERSION")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackVERSION is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xffa1ad74.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function VERSION() view returns(uint256)
func (firmwareRegistry *FirmwareRegistry) TryPackVERSION() ([]byte, error) {
	return firmwareRegistry.abi.Pack("VERSION")
}

// UnpackVERSION is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xffa1ad74.
//
// Solidity: function VERSION() view returns(uint256)
func (firmwareRegistry *FirmwareRegistry) UnpackVERSION(data []byte) (*big.Int, error) {
	out, err := firmwareRegistry.abi.Unpack("VERSION", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackAcceptDefaultAdminTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcefc1429.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function acceptDefaultAdminTransfer() returns()
func (firmwareRegistry *FirmwareRegistry) PackAcceptDefaultAdminTransfer() []byte {
	enc, err := firmwareRegistry.abi.Pack("acceptDefaultAdminTransfer")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAcceptDefaultAdminTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcefc1429.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function acceptDefaultAdminTransfer() returns()
func (firmwareRegistry *FirmwareRegistry) TryPackAcceptDefaultAdminTransfer() ([]byte, error) {
	return firmwareRegistry.abi.Pack("acceptDefaultAdminTransfer")
}

// PackBeginDefaultAdminTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x634e93da.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function beginDefaultAdminTransfer(address newAdmin) returns()
func (firmwareRegistry *FirmwareRegistry) PackBeginDefaultAdminTransfer(newAdmin common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("beginDefaultAdminTransfer", newAdmin)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackBeginDefaultAdminTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x634e93da.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function beginDefaultAdminTransfer(address newAdmin) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackBeginDefaultAdminTransfer(newAdmin common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("beginDefaultAdminTransfer", newAdmin)
}

// PackCancelDefaultAdminTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd602b9fd.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function cancelDefaultAdminTransfer() returns()
func (firmwareRegistry *FirmwareRegistry) PackCancelDefaultAdminTransfer() []byte {
	enc, err := firmwareRegistry.abi.Pack("cancelDefaultAdminTransfer")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCancelDefaultAdminTransfer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd602b9fd.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function cancelDefaultAdminTransfer() returns()
func (firmwareRegistry *FirmwareRegistry) TryPackCancelDefaultAdminTransfer() ([]byte, error) {
	return firmwareRegistry.abi.Pack("cancelDefaultAdminTransfer")
}

// PackCancelGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x80006f1f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function cancelGrant(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) PackCancelGrant(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("cancelGrant", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCancelGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x80006f1f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function cancelGrant(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackCancelGrant(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("cancelGrant", role, account)
}

// PackCancelRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa56dc847.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function cancelRemoval(address guardian) returns()
func (firmwareRegistry *FirmwareRegistry) PackCancelRemoval(guardian common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("cancelRemoval", guardian)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCancelRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa56dc847.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function cancelRemoval(address guardian) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackCancelRemoval(guardian common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("cancelRemoval", guardian)
}

// PackChangeDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x649a5ec7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function changeDefaultAdminDelay(uint48 newDelay) returns()
func (firmwareRegistry *FirmwareRegistry) PackChangeDefaultAdminDelay(newDelay *big.Int) []byte {
	enc, err := firmwareRegistry.abi.Pack("changeDefaultAdminDelay", newDelay)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackChangeDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x649a5ec7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function changeDefaultAdminDelay(uint48 newDelay) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackChangeDefaultAdminDelay(newDelay *big.Int) ([]byte, error) {
	return firmwareRegistry.abi.Pack("changeDefaultAdminDelay", newDelay)
}

// PackCheck is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x257d67aa.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function check(bytes32 product, bytes32 region) view returns((uint256,uint64,uint64,uint64,uint64,bytes32,bool,uint64,uint64,uint64,string,uint8,bytes[],((uint64,uint64,uint64,bytes32,bytes32,bool,string),bool,(uint8,bool,uint64,uint64,uint32,uint16,uint16,string,bytes32[]))[]) v)
func (firmwareRegistry *FirmwareRegistry) PackCheck(product [32]byte, region [32]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("check", product, region)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCheck is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x257d67aa.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function check(bytes32 product, bytes32 region) view returns((uint256,uint64,uint64,uint64,uint64,bytes32,bool,uint64,uint64,uint64,string,uint8,bytes[],((uint64,uint64,uint64,bytes32,bytes32,bool,string),bool,(uint8,bool,uint64,uint64,uint32,uint16,uint16,string,bytes32[]))[]) v)
func (firmwareRegistry *FirmwareRegistry) TryPackCheck(product [32]byte, region [32]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("check", product, region)
}

// UnpackCheck is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x257d67aa.
//
// Solidity: function check(bytes32 product, bytes32 region) view returns((uint256,uint64,uint64,uint64,uint64,bytes32,bool,uint64,uint64,uint64,string,uint8,bytes[],((uint64,uint64,uint64,bytes32,bytes32,bool,string),bool,(uint8,bool,uint64,uint64,uint32,uint16,uint16,string,bytes32[]))[]) v)
func (firmwareRegistry *FirmwareRegistry) UnpackCheck(data []byte) (FirmwareRegistryView, error) {
	out, err := firmwareRegistry.abi.Unpack("check", data)
	if err != nil {
		return *new(FirmwareRegistryView), err
	}
	out0 := *abi.ConvertType(out[0], new(FirmwareRegistryView)).(*FirmwareRegistryView)
	return out0, nil
}

// PackContinueProduct is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf6a58101.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function continueProduct(bytes32 product, string name, bytes32 manufacturer, address operator, uint64 latest) returns()
func (firmwareRegistry *FirmwareRegistry) PackContinueProduct(product [32]byte, name string, manufacturer [32]byte, operator common.Address, latest uint64) []byte {
	enc, err := firmwareRegistry.abi.Pack("continueProduct", product, name, manufacturer, operator, latest)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackContinueProduct is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf6a58101.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function continueProduct(bytes32 product, string name, bytes32 manufacturer, address operator, uint64 latest) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackContinueProduct(product [32]byte, name string, manufacturer [32]byte, operator common.Address, latest uint64) ([]byte, error) {
	return firmwareRegistry.abi.Pack("continueProduct", product, name, manufacturer, operator, latest)
}

// PackCreateManufacturer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1668bd83.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function createManufacturer(bytes32 id, string did, uint8 threshold, bytes[] keys, address admin) returns()
func (firmwareRegistry *FirmwareRegistry) PackCreateManufacturer(id [32]byte, did string, threshold uint8, keys [][]byte, admin common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("createManufacturer", id, did, threshold, keys, admin)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCreateManufacturer is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1668bd83.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function createManufacturer(bytes32 id, string did, uint8 threshold, bytes[] keys, address admin) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackCreateManufacturer(id [32]byte, did string, threshold uint8, keys [][]byte, admin common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("createManufacturer", id, did, threshold, keys, admin)
}

// PackCreateProduct is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x61ae53d9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function createProduct(bytes32 product, string name, bytes32 manufacturer, address operator) returns()
func (firmwareRegistry *FirmwareRegistry) PackCreateProduct(product [32]byte, name string, manufacturer [32]byte, operator common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("createProduct", product, name, manufacturer, operator)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackCreateProduct is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x61ae53d9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function createProduct(bytes32 product, string name, bytes32 manufacturer, address operator) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackCreateProduct(product [32]byte, name string, manufacturer [32]byte, operator common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("createProduct", product, name, manufacturer, operator)
}

// PackDefaultAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x84ef8ffc.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function defaultAdmin() view returns(address)
func (firmwareRegistry *FirmwareRegistry) PackDefaultAdmin() []byte {
	enc, err := firmwareRegistry.abi.Pack("defaultAdmin")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDefaultAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x84ef8ffc.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function defaultAdmin() view returns(address)
func (firmwareRegistry *FirmwareRegistry) TryPackDefaultAdmin() ([]byte, error) {
	return firmwareRegistry.abi.Pack("defaultAdmin")
}

// UnpackDefaultAdmin is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x84ef8ffc.
//
// Solidity: function defaultAdmin() view returns(address)
func (firmwareRegistry *FirmwareRegistry) UnpackDefaultAdmin(data []byte) (common.Address, error) {
	out, err := firmwareRegistry.abi.Unpack("defaultAdmin", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcc8463c8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function defaultAdminDelay() view returns(uint48)
func (firmwareRegistry *FirmwareRegistry) PackDefaultAdminDelay() []byte {
	enc, err := firmwareRegistry.abi.Pack("defaultAdminDelay")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcc8463c8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function defaultAdminDelay() view returns(uint48)
func (firmwareRegistry *FirmwareRegistry) TryPackDefaultAdminDelay() ([]byte, error) {
	return firmwareRegistry.abi.Pack("defaultAdminDelay")
}

// UnpackDefaultAdminDelay is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xcc8463c8.
//
// Solidity: function defaultAdminDelay() view returns(uint48)
func (firmwareRegistry *FirmwareRegistry) UnpackDefaultAdminDelay(data []byte) (*big.Int, error) {
	out, err := firmwareRegistry.abi.Unpack("defaultAdminDelay", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackDefaultAdminDelayIncreaseWait is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x022d63fb.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function defaultAdminDelayIncreaseWait() view returns(uint48)
func (firmwareRegistry *FirmwareRegistry) PackDefaultAdminDelayIncreaseWait() []byte {
	enc, err := firmwareRegistry.abi.Pack("defaultAdminDelayIncreaseWait")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDefaultAdminDelayIncreaseWait is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x022d63fb.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function defaultAdminDelayIncreaseWait() view returns(uint48)
func (firmwareRegistry *FirmwareRegistry) TryPackDefaultAdminDelayIncreaseWait() ([]byte, error) {
	return firmwareRegistry.abi.Pack("defaultAdminDelayIncreaseWait")
}

// UnpackDefaultAdminDelayIncreaseWait is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x022d63fb.
//
// Solidity: function defaultAdminDelayIncreaseWait() view returns(uint48)
func (firmwareRegistry *FirmwareRegistry) UnpackDefaultAdminDelayIncreaseWait(data []byte) (*big.Int, error) {
	out, err := firmwareRegistry.abi.Unpack("defaultAdminDelayIncreaseWait", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackExecuteGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbf2915be.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function executeGrant(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) PackExecuteGrant(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("executeGrant", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackExecuteGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xbf2915be.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function executeGrant(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackExecuteGrant(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("executeGrant", role, account)
}

// PackExecuteRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe8a0894b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function executeRemoval(address guardian) returns()
func (firmwareRegistry *FirmwareRegistry) PackExecuteRemoval(guardian common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("executeRemoval", guardian)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackExecuteRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe8a0894b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function executeRemoval(address guardian) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackExecuteRemoval(guardian common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("executeRemoval", guardian)
}

// PackGetRoleAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x248a9ca3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function getRoleAdmin(bytes32 role) view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) PackGetRoleAdmin(role [32]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("getRoleAdmin", role)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGetRoleAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x248a9ca3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function getRoleAdmin(bytes32 role) view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) TryPackGetRoleAdmin(role [32]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("getRoleAdmin", role)
}

// UnpackGetRoleAdmin is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x248a9ca3.
//
// Solidity: function getRoleAdmin(bytes32 role) view returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) UnpackGetRoleAdmin(data []byte) ([32]byte, error) {
	out, err := firmwareRegistry.abi.Unpack("getRoleAdmin", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackGrantRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2f2ff15d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function grantRole(bytes32 , address ) pure returns()
func (firmwareRegistry *FirmwareRegistry) PackGrantRole(arg0 [32]byte, arg1 common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("grantRole", arg0, arg1)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGrantRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2f2ff15d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function grantRole(bytes32 , address ) pure returns()
func (firmwareRegistry *FirmwareRegistry) TryPackGrantRole(arg0 [32]byte, arg1 common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("grantRole", arg0, arg1)
}

// PackHasRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x91d14854.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function hasRole(bytes32 role, address account) view returns(bool)
func (firmwareRegistry *FirmwareRegistry) PackHasRole(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("hasRole", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackHasRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x91d14854.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function hasRole(bytes32 role, address account) view returns(bool)
func (firmwareRegistry *FirmwareRegistry) TryPackHasRole(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("hasRole", role, account)
}

// UnpackHasRole is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x91d14854.
//
// Solidity: function hasRole(bytes32 role, address account) view returns(bool)
func (firmwareRegistry *FirmwareRegistry) UnpackHasRole(data []byte) (bool, error) {
	out, err := firmwareRegistry.abi.Unpack("hasRole", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackManufacturerRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x137eee05.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function manufacturerRole(bytes32 manufacturer) pure returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) PackManufacturerRole(manufacturer [32]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("manufacturerRole", manufacturer)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackManufacturerRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x137eee05.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function manufacturerRole(bytes32 manufacturer) pure returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) TryPackManufacturerRole(manufacturer [32]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("manufacturerRole", manufacturer)
}

// UnpackManufacturerRole is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x137eee05.
//
// Solidity: function manufacturerRole(bytes32 manufacturer) pure returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) UnpackManufacturerRole(data []byte) ([32]byte, error) {
	out, err := firmwareRegistry.abi.Unpack("manufacturerRole", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackOperatorRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1c10f319.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function operatorRole(bytes32 product) pure returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) PackOperatorRole(product [32]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("operatorRole", product)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOperatorRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1c10f319.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function operatorRole(bytes32 product) pure returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) TryPackOperatorRole(product [32]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("operatorRole", product)
}

// UnpackOperatorRole is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x1c10f319.
//
// Solidity: function operatorRole(bytes32 product) pure returns(bytes32)
func (firmwareRegistry *FirmwareRegistry) UnpackOperatorRole(data []byte) ([32]byte, error) {
	out, err := firmwareRegistry.abi.Unpack("operatorRole", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackOwner is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8da5cb5b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function owner() view returns(address)
func (firmwareRegistry *FirmwareRegistry) PackOwner() []byte {
	enc, err := firmwareRegistry.abi.Pack("owner")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackOwner is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8da5cb5b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function owner() view returns(address)
func (firmwareRegistry *FirmwareRegistry) TryPackOwner() ([]byte, error) {
	return firmwareRegistry.abi.Pack("owner")
}

// UnpackOwner is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x8da5cb5b.
//
// Solidity: function owner() view returns(address)
func (firmwareRegistry *FirmwareRegistry) UnpackOwner(data []byte) (common.Address, error) {
	out, err := firmwareRegistry.abi.Unpack("owner", data)
	if err != nil {
		return *new(common.Address), err
	}
	out0 := *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	return out0, nil
}

// PackPause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8456cb59.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pause() returns()
func (firmwareRegistry *FirmwareRegistry) PackPause() []byte {
	enc, err := firmwareRegistry.abi.Pack("pause")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x8456cb59.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pause() returns()
func (firmwareRegistry *FirmwareRegistry) TryPackPause() ([]byte, error) {
	return firmwareRegistry.abi.Pack("pause")
}

// PackPaused is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5c975abb.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function paused() view returns(bool)
func (firmwareRegistry *FirmwareRegistry) PackPaused() []byte {
	enc, err := firmwareRegistry.abi.Pack("paused")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPaused is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x5c975abb.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function paused() view returns(bool)
func (firmwareRegistry *FirmwareRegistry) TryPackPaused() ([]byte, error) {
	return firmwareRegistry.abi.Pack("paused")
}

// UnpackPaused is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x5c975abb.
//
// Solidity: function paused() view returns(bool)
func (firmwareRegistry *FirmwareRegistry) UnpackPaused(data []byte) (bool, error) {
	out, err := firmwareRegistry.abi.Unpack("paused", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackPendingDefaultAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcf6eefb7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingDefaultAdmin() view returns(address newAdmin, uint48 schedule)
func (firmwareRegistry *FirmwareRegistry) PackPendingDefaultAdmin() []byte {
	enc, err := firmwareRegistry.abi.Pack("pendingDefaultAdmin")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingDefaultAdmin is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcf6eefb7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingDefaultAdmin() view returns(address newAdmin, uint48 schedule)
func (firmwareRegistry *FirmwareRegistry) TryPackPendingDefaultAdmin() ([]byte, error) {
	return firmwareRegistry.abi.Pack("pendingDefaultAdmin")
}

// PendingDefaultAdminOutput serves as a container for the return parameters of contract
// method PendingDefaultAdmin.
type PendingDefaultAdminOutput struct {
	NewAdmin common.Address
	Schedule *big.Int
}

// UnpackPendingDefaultAdmin is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xcf6eefb7.
//
// Solidity: function pendingDefaultAdmin() view returns(address newAdmin, uint48 schedule)
func (firmwareRegistry *FirmwareRegistry) UnpackPendingDefaultAdmin(data []byte) (PendingDefaultAdminOutput, error) {
	out, err := firmwareRegistry.abi.Unpack("pendingDefaultAdmin", data)
	outstruct := new(PendingDefaultAdminOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.NewAdmin = *abi.ConvertType(out[0], new(common.Address)).(*common.Address)
	outstruct.Schedule = abi.ConvertType(out[1], new(big.Int)).(*big.Int)
	return *outstruct, nil
}

// PackPendingDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa1eda53c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingDefaultAdminDelay() view returns(uint48 newDelay, uint48 schedule)
func (firmwareRegistry *FirmwareRegistry) PackPendingDefaultAdminDelay() []byte {
	enc, err := firmwareRegistry.abi.Pack("pendingDefaultAdminDelay")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xa1eda53c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingDefaultAdminDelay() view returns(uint48 newDelay, uint48 schedule)
func (firmwareRegistry *FirmwareRegistry) TryPackPendingDefaultAdminDelay() ([]byte, error) {
	return firmwareRegistry.abi.Pack("pendingDefaultAdminDelay")
}

// PendingDefaultAdminDelayOutput serves as a container for the return parameters of contract
// method PendingDefaultAdminDelay.
type PendingDefaultAdminDelayOutput struct {
	NewDelay *big.Int
	Schedule *big.Int
}

// UnpackPendingDefaultAdminDelay is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xa1eda53c.
//
// Solidity: function pendingDefaultAdminDelay() view returns(uint48 newDelay, uint48 schedule)
func (firmwareRegistry *FirmwareRegistry) UnpackPendingDefaultAdminDelay(data []byte) (PendingDefaultAdminDelayOutput, error) {
	out, err := firmwareRegistry.abi.Unpack("pendingDefaultAdminDelay", data)
	outstruct := new(PendingDefaultAdminDelayOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.NewDelay = abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	outstruct.Schedule = abi.ConvertType(out[1], new(big.Int)).(*big.Int)
	return *outstruct, nil
}

// PackPendingGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x27a88c68.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingGrant(bytes32 role, address account) view returns(uint48 from)
func (firmwareRegistry *FirmwareRegistry) PackPendingGrant(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("pendingGrant", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x27a88c68.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingGrant(bytes32 role, address account) view returns(uint48 from)
func (firmwareRegistry *FirmwareRegistry) TryPackPendingGrant(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("pendingGrant", role, account)
}

// UnpackPendingGrant is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x27a88c68.
//
// Solidity: function pendingGrant(bytes32 role, address account) view returns(uint48 from)
func (firmwareRegistry *FirmwareRegistry) UnpackPendingGrant(data []byte) (*big.Int, error) {
	out, err := firmwareRegistry.abi.Unpack("pendingGrant", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackPendingRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x144fb382.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function pendingRemoval(address guardian) view returns(uint48 from)
func (firmwareRegistry *FirmwareRegistry) PackPendingRemoval(guardian common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("pendingRemoval", guardian)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPendingRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x144fb382.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function pendingRemoval(address guardian) view returns(uint48 from)
func (firmwareRegistry *FirmwareRegistry) TryPackPendingRemoval(guardian common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("pendingRemoval", guardian)
}

// UnpackPendingRemoval is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x144fb382.
//
// Solidity: function pendingRemoval(address guardian) view returns(uint48 from)
func (firmwareRegistry *FirmwareRegistry) UnpackPendingRemoval(data []byte) (*big.Int, error) {
	out, err := firmwareRegistry.abi.Unpack("pendingRemoval", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackProductOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6fd3436e.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function productOf(bytes32 product) view returns(string name, bytes32 manufacturer)
func (firmwareRegistry *FirmwareRegistry) PackProductOf(product [32]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("productOf", product)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackProductOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6fd3436e.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function productOf(bytes32 product) view returns(string name, bytes32 manufacturer)
func (firmwareRegistry *FirmwareRegistry) TryPackProductOf(product [32]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("productOf", product)
}

// ProductOfOutput serves as a container for the return parameters of contract
// method ProductOf.
type ProductOfOutput struct {
	Name         string
	Manufacturer [32]byte
}

// UnpackProductOf is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6fd3436e.
//
// Solidity: function productOf(bytes32 product) view returns(string name, bytes32 manufacturer)
func (firmwareRegistry *FirmwareRegistry) UnpackProductOf(data []byte) (ProductOfOutput, error) {
	out, err := firmwareRegistry.abi.Unpack("productOf", data)
	outstruct := new(ProductOfOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Name = *abi.ConvertType(out[0], new(string)).(*string)
	outstruct.Manufacturer = *abi.ConvertType(out[1], new([32]byte)).(*[32]byte)
	return *outstruct, nil
}

// PackProposeGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe7719ed9.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function proposeGrant(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) PackProposeGrant(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("proposeGrant", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackProposeGrant is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe7719ed9.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function proposeGrant(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackProposeGrant(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("proposeGrant", role, account)
}

// PackProposeRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01f7c6e3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function proposeRemoval(address guardian) returns()
func (firmwareRegistry *FirmwareRegistry) PackProposeRemoval(guardian common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("proposeRemoval", guardian)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackProposeRemoval is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01f7c6e3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function proposeRemoval(address guardian) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackProposeRemoval(guardian common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("proposeRemoval", guardian)
}

// PackPublish is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x462794c3.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function publish(bytes32 product, uint64 sequence, string version, uint64 imageSize, bytes32 imageSha256, bytes32 envelope) returns()
func (firmwareRegistry *FirmwareRegistry) PackPublish(product [32]byte, sequence uint64, version string, imageSize uint64, imageSha256 [32]byte, envelope [32]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("publish", product, sequence, version, imageSize, imageSha256, envelope)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPublish is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x462794c3.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function publish(bytes32 product, uint64 sequence, string version, uint64 imageSize, bytes32 imageSha256, bytes32 envelope) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackPublish(product [32]byte, sequence uint64, version string, imageSize uint64, imageSha256 [32]byte, envelope [32]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("publish", product, sequence, version, imageSize, imageSha256, envelope)
}

// PackReleases is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3e5baf9c.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function releases(bytes32 product, uint64 from, uint64 count) view returns((uint64,uint64,uint64,bytes32,bytes32,bool,string)[] page)
func (firmwareRegistry *FirmwareRegistry) PackReleases(product [32]byte, from uint64, count uint64) []byte {
	enc, err := firmwareRegistry.abi.Pack("releases", product, from, count)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackReleases is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3e5baf9c.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function releases(bytes32 product, uint64 from, uint64 count) view returns((uint64,uint64,uint64,bytes32,bytes32,bool,string)[] page)
func (firmwareRegistry *FirmwareRegistry) TryPackReleases(product [32]byte, from uint64, count uint64) ([]byte, error) {
	return firmwareRegistry.abi.Pack("releases", product, from, count)
}

// UnpackReleases is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x3e5baf9c.
//
// Solidity: function releases(bytes32 product, uint64 from, uint64 count) view returns((uint64,uint64,uint64,bytes32,bytes32,bool,string)[] page)
func (firmwareRegistry *FirmwareRegistry) UnpackReleases(data []byte) ([]FirmwareRegistryReleaseInfo, error) {
	out, err := firmwareRegistry.abi.Unpack("releases", data)
	if err != nil {
		return *new([]FirmwareRegistryReleaseInfo), err
	}
	out0 := *abi.ConvertType(out[0], new([]FirmwareRegistryReleaseInfo)).(*[]FirmwareRegistryReleaseInfo)
	return out0, nil
}

// PackRenounceRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x36568abe.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function renounceRole(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) PackRenounceRole(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("renounceRole", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRenounceRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x36568abe.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function renounceRole(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackRenounceRole(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("renounceRole", role, account)
}

// PackRevoke is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaeebee82.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function revoke(bytes32 product, uint64 sequence) returns()
func (firmwareRegistry *FirmwareRegistry) PackRevoke(product [32]byte, sequence uint64) []byte {
	enc, err := firmwareRegistry.abi.Pack("revoke", product, sequence)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRevoke is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaeebee82.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function revoke(bytes32 product, uint64 sequence) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackRevoke(product [32]byte, sequence uint64) ([]byte, error) {
	return firmwareRegistry.abi.Pack("revoke", product, sequence)
}

// PackRevokeRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd547741f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function revokeRole(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) PackRevokeRole(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("revokeRole", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRevokeRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xd547741f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function revokeRole(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackRevokeRole(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("revokeRole", role, account)
}

// PackRollbackDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0aa6220b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function rollbackDefaultAdminDelay() returns()
func (firmwareRegistry *FirmwareRegistry) PackRollbackDefaultAdminDelay() []byte {
	enc, err := firmwareRegistry.abi.Pack("rollbackDefaultAdminDelay")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRollbackDefaultAdminDelay is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0aa6220b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function rollbackDefaultAdminDelay() returns()
func (firmwareRegistry *FirmwareRegistry) TryPackRollbackDefaultAdminDelay() ([]byte, error) {
	return firmwareRegistry.abi.Pack("rollbackDefaultAdminDelay")
}

// PackSetBarrier is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb92a995d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setBarrier(bytes32 product, uint64 sequence) returns()
func (firmwareRegistry *FirmwareRegistry) PackSetBarrier(product [32]byte, sequence uint64) []byte {
	enc, err := firmwareRegistry.abi.Pack("setBarrier", product, sequence)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetBarrier is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb92a995d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setBarrier(bytes32 product, uint64 sequence) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackSetBarrier(product [32]byte, sequence uint64) ([]byte, error) {
	return firmwareRegistry.abi.Pack("setBarrier", product, sequence)
}

// PackSetHalted is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb4879383.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setHalted(bytes32 product, uint64 sequence, bool halted) returns()
func (firmwareRegistry *FirmwareRegistry) PackSetHalted(product [32]byte, sequence uint64, halted bool) []byte {
	enc, err := firmwareRegistry.abi.Pack("setHalted", product, sequence, halted)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetHalted is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb4879383.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setHalted(bytes32 product, uint64 sequence, bool halted) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackSetHalted(product [32]byte, sequence uint64, halted bool) ([]byte, error) {
	return firmwareRegistry.abi.Pack("setHalted", product, sequence, halted)
}

// PackSetKeys is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2bec25af.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setKeys(bytes32 manufacturer, uint8 threshold, bytes[] keys) returns()
func (firmwareRegistry *FirmwareRegistry) PackSetKeys(manufacturer [32]byte, threshold uint8, keys [][]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("setKeys", manufacturer, threshold, keys)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetKeys is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2bec25af.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setKeys(bytes32 manufacturer, uint8 threshold, bytes[] keys) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackSetKeys(manufacturer [32]byte, threshold uint8, keys [][]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("setKeys", manufacturer, threshold, keys)
}

// PackSetMinSequence is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcc534585.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setMinSequence(bytes32 product, uint64 sequence) returns()
func (firmwareRegistry *FirmwareRegistry) PackSetMinSequence(product [32]byte, sequence uint64) []byte {
	enc, err := firmwareRegistry.abi.Pack("setMinSequence", product, sequence)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetMinSequence is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcc534585.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setMinSequence(bytes32 product, uint64 sequence) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackSetMinSequence(product [32]byte, sequence uint64) ([]byte, error) {
	return firmwareRegistry.abi.Pack("setMinSequence", product, sequence)
}

// PackSetRollout is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaec849ac.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setRollout(bytes32 product, uint64 sequence, bytes32 region, (uint8,bool,uint64,uint64,uint32,uint16,uint16,string,bytes32[]) policy) returns()
func (firmwareRegistry *FirmwareRegistry) PackSetRollout(product [32]byte, sequence uint64, region [32]byte, policy FirmwareRegistryPolicy) []byte {
	enc, err := firmwareRegistry.abi.Pack("setRollout", product, sequence, region, policy)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetRollout is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xaec849ac.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setRollout(bytes32 product, uint64 sequence, bytes32 region, (uint8,bool,uint64,uint64,uint32,uint16,uint16,string,bytes32[]) policy) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackSetRollout(product [32]byte, sequence uint64, region [32]byte, policy FirmwareRegistryPolicy) ([]byte, error) {
	return firmwareRegistry.abi.Pack("setRollout", product, sequence, region, policy)
}

// PackSupportsInterface is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01ffc9a7.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function supportsInterface(bytes4 interfaceId) view returns(bool)
func (firmwareRegistry *FirmwareRegistry) PackSupportsInterface(interfaceId [4]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("supportsInterface", interfaceId)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSupportsInterface is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x01ffc9a7.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function supportsInterface(bytes4 interfaceId) view returns(bool)
func (firmwareRegistry *FirmwareRegistry) TryPackSupportsInterface(interfaceId [4]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("supportsInterface", interfaceId)
}

// UnpackSupportsInterface is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x01ffc9a7.
//
// Solidity: function supportsInterface(bytes4 interfaceId) view returns(bool)
func (firmwareRegistry *FirmwareRegistry) UnpackSupportsInterface(data []byte) (bool, error) {
	out, err := firmwareRegistry.abi.Unpack("supportsInterface", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackTrackOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb763db90.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function trackOf(bytes32 subject) view returns(uint64 rev, uint64 revBlock, bytes32 digest)
func (firmwareRegistry *FirmwareRegistry) PackTrackOf(subject [32]byte) []byte {
	enc, err := firmwareRegistry.abi.Pack("trackOf", subject)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTrackOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xb763db90.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function trackOf(bytes32 subject) view returns(uint64 rev, uint64 revBlock, bytes32 digest)
func (firmwareRegistry *FirmwareRegistry) TryPackTrackOf(subject [32]byte) ([]byte, error) {
	return firmwareRegistry.abi.Pack("trackOf", subject)
}

// TrackOfOutput serves as a container for the return parameters of contract
// method TrackOf.
type TrackOfOutput struct {
	Rev      uint64
	RevBlock uint64
	Digest   [32]byte
}

// UnpackTrackOf is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xb763db90.
//
// Solidity: function trackOf(bytes32 subject) view returns(uint64 rev, uint64 revBlock, bytes32 digest)
func (firmwareRegistry *FirmwareRegistry) UnpackTrackOf(data []byte) (TrackOfOutput, error) {
	out, err := firmwareRegistry.abi.Unpack("trackOf", data)
	outstruct := new(TrackOfOutput)
	if err != nil {
		return *outstruct, err
	}
	outstruct.Rev = *abi.ConvertType(out[0], new(uint64)).(*uint64)
	outstruct.RevBlock = *abi.ConvertType(out[1], new(uint64)).(*uint64)
	outstruct.Digest = *abi.ConvertType(out[2], new([32]byte)).(*[32]byte)
	return *outstruct, nil
}

// PackUnpause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3f4ba83a.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function unpause() returns()
func (firmwareRegistry *FirmwareRegistry) PackUnpause() []byte {
	enc, err := firmwareRegistry.abi.Pack("unpause")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackUnpause is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3f4ba83a.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function unpause() returns()
func (firmwareRegistry *FirmwareRegistry) TryPackUnpause() ([]byte, error) {
	return firmwareRegistry.abi.Pack("unpause")
}

// FirmwareRegistryBarrierSet represents a BarrierSet event raised by the FirmwareRegistry contract.
type FirmwareRegistryBarrierSet struct {
	Product  [32]byte
	Sequence uint64
	Raw      *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryBarrierSetEventName = "BarrierSet"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryBarrierSet) ContractEventName() string {
	return FirmwareRegistryBarrierSetEventName
}

// UnpackBarrierSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event BarrierSet(bytes32 indexed product, uint64 indexed sequence)
func (firmwareRegistry *FirmwareRegistry) UnpackBarrierSetEvent(log *types.Log) (*FirmwareRegistryBarrierSet, error) {
	event := "BarrierSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryBarrierSet)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryChanged represents a Changed event raised by the FirmwareRegistry contract.
type FirmwareRegistryChanged struct {
	Subject       [32]byte
	Rev           uint64
	Time          uint64
	PreviousBlock uint64
	Digest        [32]byte
	Raw           *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryChangedEventName = "Changed"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryChanged) ContractEventName() string {
	return FirmwareRegistryChangedEventName
}

// UnpackChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Changed(bytes32 indexed subject, uint64 rev, uint64 time, uint64 previousBlock, bytes32 digest)
func (firmwareRegistry *FirmwareRegistry) UnpackChangedEvent(log *types.Log) (*FirmwareRegistryChanged, error) {
	event := "Changed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryChanged)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryDefaultAdminDelayChangeCanceled represents a DefaultAdminDelayChangeCanceled event raised by the FirmwareRegistry contract.
type FirmwareRegistryDefaultAdminDelayChangeCanceled struct {
	Raw *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryDefaultAdminDelayChangeCanceledEventName = "DefaultAdminDelayChangeCanceled"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryDefaultAdminDelayChangeCanceled) ContractEventName() string {
	return FirmwareRegistryDefaultAdminDelayChangeCanceledEventName
}

// UnpackDefaultAdminDelayChangeCanceledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event DefaultAdminDelayChangeCanceled()
func (firmwareRegistry *FirmwareRegistry) UnpackDefaultAdminDelayChangeCanceledEvent(log *types.Log) (*FirmwareRegistryDefaultAdminDelayChangeCanceled, error) {
	event := "DefaultAdminDelayChangeCanceled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryDefaultAdminDelayChangeCanceled)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryDefaultAdminDelayChangeScheduled represents a DefaultAdminDelayChangeScheduled event raised by the FirmwareRegistry contract.
type FirmwareRegistryDefaultAdminDelayChangeScheduled struct {
	NewDelay       *big.Int
	EffectSchedule *big.Int
	Raw            *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryDefaultAdminDelayChangeScheduledEventName = "DefaultAdminDelayChangeScheduled"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryDefaultAdminDelayChangeScheduled) ContractEventName() string {
	return FirmwareRegistryDefaultAdminDelayChangeScheduledEventName
}

// UnpackDefaultAdminDelayChangeScheduledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event DefaultAdminDelayChangeScheduled(uint48 newDelay, uint48 effectSchedule)
func (firmwareRegistry *FirmwareRegistry) UnpackDefaultAdminDelayChangeScheduledEvent(log *types.Log) (*FirmwareRegistryDefaultAdminDelayChangeScheduled, error) {
	event := "DefaultAdminDelayChangeScheduled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryDefaultAdminDelayChangeScheduled)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryDefaultAdminTransferCanceled represents a DefaultAdminTransferCanceled event raised by the FirmwareRegistry contract.
type FirmwareRegistryDefaultAdminTransferCanceled struct {
	Raw *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryDefaultAdminTransferCanceledEventName = "DefaultAdminTransferCanceled"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryDefaultAdminTransferCanceled) ContractEventName() string {
	return FirmwareRegistryDefaultAdminTransferCanceledEventName
}

// UnpackDefaultAdminTransferCanceledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event DefaultAdminTransferCanceled()
func (firmwareRegistry *FirmwareRegistry) UnpackDefaultAdminTransferCanceledEvent(log *types.Log) (*FirmwareRegistryDefaultAdminTransferCanceled, error) {
	event := "DefaultAdminTransferCanceled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryDefaultAdminTransferCanceled)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryDefaultAdminTransferScheduled represents a DefaultAdminTransferScheduled event raised by the FirmwareRegistry contract.
type FirmwareRegistryDefaultAdminTransferScheduled struct {
	NewAdmin       common.Address
	AcceptSchedule *big.Int
	Raw            *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryDefaultAdminTransferScheduledEventName = "DefaultAdminTransferScheduled"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryDefaultAdminTransferScheduled) ContractEventName() string {
	return FirmwareRegistryDefaultAdminTransferScheduledEventName
}

// UnpackDefaultAdminTransferScheduledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event DefaultAdminTransferScheduled(address indexed newAdmin, uint48 acceptSchedule)
func (firmwareRegistry *FirmwareRegistry) UnpackDefaultAdminTransferScheduledEvent(log *types.Log) (*FirmwareRegistryDefaultAdminTransferScheduled, error) {
	event := "DefaultAdminTransferScheduled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryDefaultAdminTransferScheduled)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryGrantCancelled represents a GrantCancelled event raised by the FirmwareRegistry contract.
type FirmwareRegistryGrantCancelled struct {
	Role    [32]byte
	Account common.Address
	By      common.Address
	Raw     *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryGrantCancelledEventName = "GrantCancelled"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryGrantCancelled) ContractEventName() string {
	return FirmwareRegistryGrantCancelledEventName
}

// UnpackGrantCancelledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event GrantCancelled(bytes32 indexed role, address indexed account, address by)
func (firmwareRegistry *FirmwareRegistry) UnpackGrantCancelledEvent(log *types.Log) (*FirmwareRegistryGrantCancelled, error) {
	event := "GrantCancelled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryGrantCancelled)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryGrantProposed represents a GrantProposed event raised by the FirmwareRegistry contract.
type FirmwareRegistryGrantProposed struct {
	Role    [32]byte
	Account common.Address
	From    *big.Int
	Raw     *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryGrantProposedEventName = "GrantProposed"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryGrantProposed) ContractEventName() string {
	return FirmwareRegistryGrantProposedEventName
}

// UnpackGrantProposedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event GrantProposed(bytes32 indexed role, address indexed account, uint48 from)
func (firmwareRegistry *FirmwareRegistry) UnpackGrantProposedEvent(log *types.Log) (*FirmwareRegistryGrantProposed, error) {
	event := "GrantProposed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryGrantProposed)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryHaltedSet represents a HaltedSet event raised by the FirmwareRegistry contract.
type FirmwareRegistryHaltedSet struct {
	Product  [32]byte
	Sequence uint64
	Halted   bool
	Raw      *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryHaltedSetEventName = "HaltedSet"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryHaltedSet) ContractEventName() string {
	return FirmwareRegistryHaltedSetEventName
}

// UnpackHaltedSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event HaltedSet(bytes32 indexed product, uint64 indexed sequence, bool halted)
func (firmwareRegistry *FirmwareRegistry) UnpackHaltedSetEvent(log *types.Log) (*FirmwareRegistryHaltedSet, error) {
	event := "HaltedSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryHaltedSet)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryKeysSet represents a KeysSet event raised by the FirmwareRegistry contract.
type FirmwareRegistryKeysSet struct {
	Manufacturer [32]byte
	Threshold    uint8
	Keys         [][]byte
	Raw          *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryKeysSetEventName = "KeysSet"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryKeysSet) ContractEventName() string {
	return FirmwareRegistryKeysSetEventName
}

// UnpackKeysSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event KeysSet(bytes32 indexed manufacturer, uint8 threshold, bytes[] keys)
func (firmwareRegistry *FirmwareRegistry) UnpackKeysSetEvent(log *types.Log) (*FirmwareRegistryKeysSet, error) {
	event := "KeysSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryKeysSet)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryManufacturerCreated represents a ManufacturerCreated event raised by the FirmwareRegistry contract.
type FirmwareRegistryManufacturerCreated struct {
	Manufacturer [32]byte
	Did          string
	Threshold    uint8
	Keys         [][]byte
	Admin        common.Address
	Raw          *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryManufacturerCreatedEventName = "ManufacturerCreated"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryManufacturerCreated) ContractEventName() string {
	return FirmwareRegistryManufacturerCreatedEventName
}

// UnpackManufacturerCreatedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ManufacturerCreated(bytes32 indexed manufacturer, string did, uint8 threshold, bytes[] keys, address indexed admin)
func (firmwareRegistry *FirmwareRegistry) UnpackManufacturerCreatedEvent(log *types.Log) (*FirmwareRegistryManufacturerCreated, error) {
	event := "ManufacturerCreated"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryManufacturerCreated)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryMinSequenceRaised represents a MinSequenceRaised event raised by the FirmwareRegistry contract.
type FirmwareRegistryMinSequenceRaised struct {
	Product  [32]byte
	Sequence uint64
	Raw      *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryMinSequenceRaisedEventName = "MinSequenceRaised"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryMinSequenceRaised) ContractEventName() string {
	return FirmwareRegistryMinSequenceRaisedEventName
}

// UnpackMinSequenceRaisedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event MinSequenceRaised(bytes32 indexed product, uint64 indexed sequence)
func (firmwareRegistry *FirmwareRegistry) UnpackMinSequenceRaisedEvent(log *types.Log) (*FirmwareRegistryMinSequenceRaised, error) {
	event := "MinSequenceRaised"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryMinSequenceRaised)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryPaused represents a Paused event raised by the FirmwareRegistry contract.
type FirmwareRegistryPaused struct {
	Account common.Address
	Raw     *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryPausedEventName = "Paused"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryPaused) ContractEventName() string {
	return FirmwareRegistryPausedEventName
}

// UnpackPausedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Paused(address account)
func (firmwareRegistry *FirmwareRegistry) UnpackPausedEvent(log *types.Log) (*FirmwareRegistryPaused, error) {
	event := "Paused"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryPaused)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryProductContinued represents a ProductContinued event raised by the FirmwareRegistry contract.
type FirmwareRegistryProductContinued struct {
	Product      [32]byte
	Name         string
	Manufacturer [32]byte
	Operator     common.Address
	Latest       uint64
	Raw          *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryProductContinuedEventName = "ProductContinued"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryProductContinued) ContractEventName() string {
	return FirmwareRegistryProductContinuedEventName
}

// UnpackProductContinuedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ProductContinued(bytes32 indexed product, string name, bytes32 indexed manufacturer, address indexed operator, uint64 latest)
func (firmwareRegistry *FirmwareRegistry) UnpackProductContinuedEvent(log *types.Log) (*FirmwareRegistryProductContinued, error) {
	event := "ProductContinued"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryProductContinued)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryProductCreated represents a ProductCreated event raised by the FirmwareRegistry contract.
type FirmwareRegistryProductCreated struct {
	Product      [32]byte
	Name         string
	Manufacturer [32]byte
	Operator     common.Address
	Raw          *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryProductCreatedEventName = "ProductCreated"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryProductCreated) ContractEventName() string {
	return FirmwareRegistryProductCreatedEventName
}

// UnpackProductCreatedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event ProductCreated(bytes32 indexed product, string name, bytes32 indexed manufacturer, address indexed operator)
func (firmwareRegistry *FirmwareRegistry) UnpackProductCreatedEvent(log *types.Log) (*FirmwareRegistryProductCreated, error) {
	event := "ProductCreated"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryProductCreated)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryPublished represents a Published event raised by the FirmwareRegistry contract.
type FirmwareRegistryPublished struct {
	Product     [32]byte
	Sequence    uint64
	Version     string
	ImageSize   uint64
	ImageSha256 [32]byte
	Envelope    [32]byte
	Raw         *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryPublishedEventName = "Published"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryPublished) ContractEventName() string {
	return FirmwareRegistryPublishedEventName
}

// UnpackPublishedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Published(bytes32 indexed product, uint64 indexed sequence, string version, uint64 imageSize, bytes32 imageSha256, bytes32 envelope)
func (firmwareRegistry *FirmwareRegistry) UnpackPublishedEvent(log *types.Log) (*FirmwareRegistryPublished, error) {
	event := "Published"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryPublished)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryRemovalCancelled represents a RemovalCancelled event raised by the FirmwareRegistry contract.
type FirmwareRegistryRemovalCancelled struct {
	Guardian common.Address
	By       common.Address
	Raw      *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryRemovalCancelledEventName = "RemovalCancelled"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryRemovalCancelled) ContractEventName() string {
	return FirmwareRegistryRemovalCancelledEventName
}

// UnpackRemovalCancelledEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RemovalCancelled(address indexed guardian, address by)
func (firmwareRegistry *FirmwareRegistry) UnpackRemovalCancelledEvent(log *types.Log) (*FirmwareRegistryRemovalCancelled, error) {
	event := "RemovalCancelled"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryRemovalCancelled)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryRemovalProposed represents a RemovalProposed event raised by the FirmwareRegistry contract.
type FirmwareRegistryRemovalProposed struct {
	Guardian common.Address
	From     *big.Int
	Raw      *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryRemovalProposedEventName = "RemovalProposed"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryRemovalProposed) ContractEventName() string {
	return FirmwareRegistryRemovalProposedEventName
}

// UnpackRemovalProposedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RemovalProposed(address indexed guardian, uint48 from)
func (firmwareRegistry *FirmwareRegistry) UnpackRemovalProposedEvent(log *types.Log) (*FirmwareRegistryRemovalProposed, error) {
	event := "RemovalProposed"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryRemovalProposed)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryRevoked represents a Revoked event raised by the FirmwareRegistry contract.
type FirmwareRegistryRevoked struct {
	Product  [32]byte
	Sequence uint64
	Raw      *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryRevokedEventName = "Revoked"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryRevoked) ContractEventName() string {
	return FirmwareRegistryRevokedEventName
}

// UnpackRevokedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Revoked(bytes32 indexed product, uint64 indexed sequence)
func (firmwareRegistry *FirmwareRegistry) UnpackRevokedEvent(log *types.Log) (*FirmwareRegistryRevoked, error) {
	event := "Revoked"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryRevoked)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryRoleAdminChanged represents a RoleAdminChanged event raised by the FirmwareRegistry contract.
type FirmwareRegistryRoleAdminChanged struct {
	Role              [32]byte
	PreviousAdminRole [32]byte
	NewAdminRole      [32]byte
	Raw               *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryRoleAdminChangedEventName = "RoleAdminChanged"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryRoleAdminChanged) ContractEventName() string {
	return FirmwareRegistryRoleAdminChangedEventName
}

// UnpackRoleAdminChangedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole)
func (firmwareRegistry *FirmwareRegistry) UnpackRoleAdminChangedEvent(log *types.Log) (*FirmwareRegistryRoleAdminChanged, error) {
	event := "RoleAdminChanged"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryRoleAdminChanged)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryRoleGranted represents a RoleGranted event raised by the FirmwareRegistry contract.
type FirmwareRegistryRoleGranted struct {
	Role    [32]byte
	Account common.Address
	Sender  common.Address
	Raw     *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryRoleGrantedEventName = "RoleGranted"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryRoleGranted) ContractEventName() string {
	return FirmwareRegistryRoleGrantedEventName
}

// UnpackRoleGrantedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)
func (firmwareRegistry *FirmwareRegistry) UnpackRoleGrantedEvent(log *types.Log) (*FirmwareRegistryRoleGranted, error) {
	event := "RoleGranted"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryRoleGranted)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryRoleRevoked represents a RoleRevoked event raised by the FirmwareRegistry contract.
type FirmwareRegistryRoleRevoked struct {
	Role    [32]byte
	Account common.Address
	Sender  common.Address
	Raw     *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryRoleRevokedEventName = "RoleRevoked"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryRoleRevoked) ContractEventName() string {
	return FirmwareRegistryRoleRevokedEventName
}

// UnpackRoleRevokedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)
func (firmwareRegistry *FirmwareRegistry) UnpackRoleRevokedEvent(log *types.Log) (*FirmwareRegistryRoleRevoked, error) {
	event := "RoleRevoked"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryRoleRevoked)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryRolloutSet represents a RolloutSet event raised by the FirmwareRegistry contract.
type FirmwareRegistryRolloutSet struct {
	Product  [32]byte
	Sequence uint64
	Region   [32]byte
	Policy   FirmwareRegistryPolicy
	Raw      *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryRolloutSetEventName = "RolloutSet"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryRolloutSet) ContractEventName() string {
	return FirmwareRegistryRolloutSetEventName
}

// UnpackRolloutSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event RolloutSet(bytes32 indexed product, uint64 indexed sequence, bytes32 indexed region, (uint8,bool,uint64,uint64,uint32,uint16,uint16,string,bytes32[]) policy)
func (firmwareRegistry *FirmwareRegistry) UnpackRolloutSetEvent(log *types.Log) (*FirmwareRegistryRolloutSet, error) {
	event := "RolloutSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryRolloutSet)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// FirmwareRegistryUnpaused represents a Unpaused event raised by the FirmwareRegistry contract.
type FirmwareRegistryUnpaused struct {
	Account common.Address
	Raw     *types.Log // Blockchain specific contextual infos
}

const FirmwareRegistryUnpausedEventName = "Unpaused"

// ContractEventName returns the user-defined event name.
func (FirmwareRegistryUnpaused) ContractEventName() string {
	return FirmwareRegistryUnpausedEventName
}

// UnpackUnpausedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Unpaused(address account)
func (firmwareRegistry *FirmwareRegistry) UnpackUnpausedEvent(log *types.Log) (*FirmwareRegistryUnpaused, error) {
	event := "Unpaused"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != firmwareRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(FirmwareRegistryUnpaused)
	if len(log.Data) > 0 {
		if err := firmwareRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range firmwareRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (firmwareRegistry *FirmwareRegistry) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["AccessControlBadConfirmation"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackAccessControlBadConfirmationError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["AccessControlEnforcedDefaultAdminDelay"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackAccessControlEnforcedDefaultAdminDelayError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["AccessControlEnforcedDefaultAdminRules"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackAccessControlEnforcedDefaultAdminRulesError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["AccessControlInvalidDefaultAdmin"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackAccessControlInvalidDefaultAdminError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["AccessControlUnauthorizedAccount"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackAccessControlUnauthorizedAccountError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["AlreadyExists"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackAlreadyExistsError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["Delayed"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackDelayedError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["DuplicateKey"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackDuplicateKeyError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["EarlierRegistry"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackEarlierRegistryError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["EnforcedPause"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackEnforcedPauseError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["ExpectedPause"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackExpectedPauseError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["IdMismatch"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackIdMismatchError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["MinSequenceNotRaised"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackMinSequenceNotRaisedError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["NotProposed"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackNotProposedError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["OutOfBounds"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackOutOfBoundsError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["OutsideWindow"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackOutsideWindowError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["ReleaseRevoked"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackReleaseRevokedError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["RoleConflict"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackRoleConflictError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["SafeCastOverflowedUintDowncast"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackSafeCastOverflowedUintDowncastError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["SequenceNotNext"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackSequenceNotNextError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["UnknownManufacturer"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackUnknownManufacturerError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["UnknownProduct"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackUnknownProductError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["UnknownRelease"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackUnknownReleaseError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["UnknownRole"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackUnknownRoleError(raw[4:])
	}
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["ZeroValue"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackZeroValueError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// FirmwareRegistryAccessControlBadConfirmation represents a AccessControlBadConfirmation error raised by the FirmwareRegistry contract.
type FirmwareRegistryAccessControlBadConfirmation struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AccessControlBadConfirmation()
func FirmwareRegistryAccessControlBadConfirmationErrorID() common.Hash {
	return common.HexToHash("0x6697b23232a647058342c0724fe7c415cab25915b54e5dbc03f233173d37b41c")
}

// UnpackAccessControlBadConfirmationError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AccessControlBadConfirmation()
func (firmwareRegistry *FirmwareRegistry) UnpackAccessControlBadConfirmationError(raw []byte) (*FirmwareRegistryAccessControlBadConfirmation, error) {
	out := new(FirmwareRegistryAccessControlBadConfirmation)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "AccessControlBadConfirmation", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryAccessControlEnforcedDefaultAdminDelay represents a AccessControlEnforcedDefaultAdminDelay error raised by the FirmwareRegistry contract.
type FirmwareRegistryAccessControlEnforcedDefaultAdminDelay struct {
	Schedule *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AccessControlEnforcedDefaultAdminDelay(uint48 schedule)
func FirmwareRegistryAccessControlEnforcedDefaultAdminDelayErrorID() common.Hash {
	return common.HexToHash("0x19ca5ebb8fb33f00e502c9392eddab1501674629178bf69b853cf037aaf4bb5d")
}

// UnpackAccessControlEnforcedDefaultAdminDelayError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AccessControlEnforcedDefaultAdminDelay(uint48 schedule)
func (firmwareRegistry *FirmwareRegistry) UnpackAccessControlEnforcedDefaultAdminDelayError(raw []byte) (*FirmwareRegistryAccessControlEnforcedDefaultAdminDelay, error) {
	out := new(FirmwareRegistryAccessControlEnforcedDefaultAdminDelay)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "AccessControlEnforcedDefaultAdminDelay", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryAccessControlEnforcedDefaultAdminRules represents a AccessControlEnforcedDefaultAdminRules error raised by the FirmwareRegistry contract.
type FirmwareRegistryAccessControlEnforcedDefaultAdminRules struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AccessControlEnforcedDefaultAdminRules()
func FirmwareRegistryAccessControlEnforcedDefaultAdminRulesErrorID() common.Hash {
	return common.HexToHash("0x3fc3c27ae3db78c81b8f6e685172134623efa268ee8cd8d54be38ad2a74fc13b")
}

// UnpackAccessControlEnforcedDefaultAdminRulesError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AccessControlEnforcedDefaultAdminRules()
func (firmwareRegistry *FirmwareRegistry) UnpackAccessControlEnforcedDefaultAdminRulesError(raw []byte) (*FirmwareRegistryAccessControlEnforcedDefaultAdminRules, error) {
	out := new(FirmwareRegistryAccessControlEnforcedDefaultAdminRules)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "AccessControlEnforcedDefaultAdminRules", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryAccessControlInvalidDefaultAdmin represents a AccessControlInvalidDefaultAdmin error raised by the FirmwareRegistry contract.
type FirmwareRegistryAccessControlInvalidDefaultAdmin struct {
	DefaultAdmin common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AccessControlInvalidDefaultAdmin(address defaultAdmin)
func FirmwareRegistryAccessControlInvalidDefaultAdminErrorID() common.Hash {
	return common.HexToHash("0xc22c8022f2a840d6b6a9f113407715f5bbd4e88c1b0dd9434dc00700ba609ed4")
}

// UnpackAccessControlInvalidDefaultAdminError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AccessControlInvalidDefaultAdmin(address defaultAdmin)
func (firmwareRegistry *FirmwareRegistry) UnpackAccessControlInvalidDefaultAdminError(raw []byte) (*FirmwareRegistryAccessControlInvalidDefaultAdmin, error) {
	out := new(FirmwareRegistryAccessControlInvalidDefaultAdmin)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "AccessControlInvalidDefaultAdmin", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryAccessControlUnauthorizedAccount represents a AccessControlUnauthorizedAccount error raised by the FirmwareRegistry contract.
type FirmwareRegistryAccessControlUnauthorizedAccount struct {
	Account    common.Address
	NeededRole [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AccessControlUnauthorizedAccount(address account, bytes32 neededRole)
func FirmwareRegistryAccessControlUnauthorizedAccountErrorID() common.Hash {
	return common.HexToHash("0xe2517d3fbfae6f8515ef5ff1ccedc3933ab0cbbda0b492c06eb54ad10ef03b3e")
}

// UnpackAccessControlUnauthorizedAccountError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AccessControlUnauthorizedAccount(address account, bytes32 neededRole)
func (firmwareRegistry *FirmwareRegistry) UnpackAccessControlUnauthorizedAccountError(raw []byte) (*FirmwareRegistryAccessControlUnauthorizedAccount, error) {
	out := new(FirmwareRegistryAccessControlUnauthorizedAccount)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "AccessControlUnauthorizedAccount", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryAlreadyExists represents a AlreadyExists error raised by the FirmwareRegistry contract.
type FirmwareRegistryAlreadyExists struct {
	Id [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyExists(bytes32 id)
func FirmwareRegistryAlreadyExistsErrorID() common.Hash {
	return common.HexToHash("0x129bcbc4b8e04bb872aebe178cc0201174ffe0cfe59338aed385ce016a6b1228")
}

// UnpackAlreadyExistsError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyExists(bytes32 id)
func (firmwareRegistry *FirmwareRegistry) UnpackAlreadyExistsError(raw []byte) (*FirmwareRegistryAlreadyExists, error) {
	out := new(FirmwareRegistryAlreadyExists)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "AlreadyExists", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryDelayed represents a Delayed error raised by the FirmwareRegistry contract.
type FirmwareRegistryDelayed struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error Delayed()
func FirmwareRegistryDelayedErrorID() common.Hash {
	return common.HexToHash("0xc762393826f4098556bf9ba3ca5e9ac35c76e9d9d58f69139634132868add04e")
}

// UnpackDelayedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error Delayed()
func (firmwareRegistry *FirmwareRegistry) UnpackDelayedError(raw []byte) (*FirmwareRegistryDelayed, error) {
	out := new(FirmwareRegistryDelayed)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "Delayed", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryDuplicateKey represents a DuplicateKey error raised by the FirmwareRegistry contract.
type FirmwareRegistryDuplicateKey struct {
	Index *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error DuplicateKey(uint256 index)
func FirmwareRegistryDuplicateKeyErrorID() common.Hash {
	return common.HexToHash("0x431135ae1ba1add45cf5d21cc805146b43c1a7aad8b360d170918a5e75b59b10")
}

// UnpackDuplicateKeyError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error DuplicateKey(uint256 index)
func (firmwareRegistry *FirmwareRegistry) UnpackDuplicateKeyError(raw []byte) (*FirmwareRegistryDuplicateKey, error) {
	out := new(FirmwareRegistryDuplicateKey)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "DuplicateKey", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryEarlierRegistry represents a EarlierRegistry error raised by the FirmwareRegistry contract.
type FirmwareRegistryEarlierRegistry struct {
	Sequence uint64
	First    uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error EarlierRegistry(uint64 sequence, uint64 first)
func FirmwareRegistryEarlierRegistryErrorID() common.Hash {
	return common.HexToHash("0x123bab63b12834e8448b42d73e40db41605fb23d81406a192821af67b4a2c6f1")
}

// UnpackEarlierRegistryError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error EarlierRegistry(uint64 sequence, uint64 first)
func (firmwareRegistry *FirmwareRegistry) UnpackEarlierRegistryError(raw []byte) (*FirmwareRegistryEarlierRegistry, error) {
	out := new(FirmwareRegistryEarlierRegistry)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "EarlierRegistry", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryEnforcedPause represents a EnforcedPause error raised by the FirmwareRegistry contract.
type FirmwareRegistryEnforcedPause struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error EnforcedPause()
func FirmwareRegistryEnforcedPauseErrorID() common.Hash {
	return common.HexToHash("0xd93c0665d6c96d04a8f174024fc4ddd66c250604aff22bbec808de86dd3637e3")
}

// UnpackEnforcedPauseError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error EnforcedPause()
func (firmwareRegistry *FirmwareRegistry) UnpackEnforcedPauseError(raw []byte) (*FirmwareRegistryEnforcedPause, error) {
	out := new(FirmwareRegistryEnforcedPause)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "EnforcedPause", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryExpectedPause represents a ExpectedPause error raised by the FirmwareRegistry contract.
type FirmwareRegistryExpectedPause struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ExpectedPause()
func FirmwareRegistryExpectedPauseErrorID() common.Hash {
	return common.HexToHash("0x8dfc202bcfe9a735b559bee70674422512bc5c30f687046ae8778315fb81da44")
}

// UnpackExpectedPauseError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ExpectedPause()
func (firmwareRegistry *FirmwareRegistry) UnpackExpectedPauseError(raw []byte) (*FirmwareRegistryExpectedPause, error) {
	out := new(FirmwareRegistryExpectedPause)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "ExpectedPause", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryIdMismatch represents a IdMismatch error raised by the FirmwareRegistry contract.
type FirmwareRegistryIdMismatch struct {
	Id       [32]byte
	Expected [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error IdMismatch(bytes32 id, bytes32 expected)
func FirmwareRegistryIdMismatchErrorID() common.Hash {
	return common.HexToHash("0xfd311b9d5f3448aa10e01901d413dc731d04bf70ea9b79c08f14c8e8bddad13d")
}

// UnpackIdMismatchError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error IdMismatch(bytes32 id, bytes32 expected)
func (firmwareRegistry *FirmwareRegistry) UnpackIdMismatchError(raw []byte) (*FirmwareRegistryIdMismatch, error) {
	out := new(FirmwareRegistryIdMismatch)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "IdMismatch", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryMinSequenceNotRaised represents a MinSequenceNotRaised error raised by the FirmwareRegistry contract.
type FirmwareRegistryMinSequenceNotRaised struct {
	Given   uint64
	Current uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error MinSequenceNotRaised(uint64 given, uint64 current)
func FirmwareRegistryMinSequenceNotRaisedErrorID() common.Hash {
	return common.HexToHash("0x252d7a7be228793a063f1d2486b05ea39df78f63629b16c1319d8b74e553ea95")
}

// UnpackMinSequenceNotRaisedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error MinSequenceNotRaised(uint64 given, uint64 current)
func (firmwareRegistry *FirmwareRegistry) UnpackMinSequenceNotRaisedError(raw []byte) (*FirmwareRegistryMinSequenceNotRaised, error) {
	out := new(FirmwareRegistryMinSequenceNotRaised)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "MinSequenceNotRaised", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryNotProposed represents a NotProposed error raised by the FirmwareRegistry contract.
type FirmwareRegistryNotProposed struct {
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotProposed()
func FirmwareRegistryNotProposedErrorID() common.Hash {
	return common.HexToHash("0xf2a87d5e74ff1ddcd6c42038fe5ad45b9e4048f9d3e50d5e4969b23c352edc7f")
}

// UnpackNotProposedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotProposed()
func (firmwareRegistry *FirmwareRegistry) UnpackNotProposedError(raw []byte) (*FirmwareRegistryNotProposed, error) {
	out := new(FirmwareRegistryNotProposed)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "NotProposed", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryOutOfBounds represents a OutOfBounds error raised by the FirmwareRegistry contract.
type FirmwareRegistryOutOfBounds struct {
	Field string
	Given *big.Int
	Min   *big.Int
	Max   *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error OutOfBounds(string field, uint256 given, uint256 min, uint256 max)
func FirmwareRegistryOutOfBoundsErrorID() common.Hash {
	return common.HexToHash("0x808861f9972ab4bd8eee7fb87e308a15b457572badc46af5f71c5137a3d31462")
}

// UnpackOutOfBoundsError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error OutOfBounds(string field, uint256 given, uint256 min, uint256 max)
func (firmwareRegistry *FirmwareRegistry) UnpackOutOfBoundsError(raw []byte) (*FirmwareRegistryOutOfBounds, error) {
	out := new(FirmwareRegistryOutOfBounds)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "OutOfBounds", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryOutsideWindow represents a OutsideWindow error raised by the FirmwareRegistry contract.
type FirmwareRegistryOutsideWindow struct {
	From  *big.Int
	Until *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error OutsideWindow(uint48 from, uint48 until)
func FirmwareRegistryOutsideWindowErrorID() common.Hash {
	return common.HexToHash("0x26fa4921712af473ce5629525af11de11ff8129806c65ea0ee5273475f1b1231")
}

// UnpackOutsideWindowError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error OutsideWindow(uint48 from, uint48 until)
func (firmwareRegistry *FirmwareRegistry) UnpackOutsideWindowError(raw []byte) (*FirmwareRegistryOutsideWindow, error) {
	out := new(FirmwareRegistryOutsideWindow)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "OutsideWindow", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryReleaseRevoked represents a ReleaseRevoked error raised by the FirmwareRegistry contract.
type FirmwareRegistryReleaseRevoked struct {
	Sequence uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ReleaseRevoked(uint64 sequence)
func FirmwareRegistryReleaseRevokedErrorID() common.Hash {
	return common.HexToHash("0x101f18da01c7e8ad947456881aafcf22ef7456a1a450a0760f7d6e8a79772667")
}

// UnpackReleaseRevokedError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ReleaseRevoked(uint64 sequence)
func (firmwareRegistry *FirmwareRegistry) UnpackReleaseRevokedError(raw []byte) (*FirmwareRegistryReleaseRevoked, error) {
	out := new(FirmwareRegistryReleaseRevoked)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "ReleaseRevoked", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryRoleConflict represents a RoleConflict error raised by the FirmwareRegistry contract.
type FirmwareRegistryRoleConflict struct {
	Account common.Address
	Role    [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error RoleConflict(address account, bytes32 role)
func FirmwareRegistryRoleConflictErrorID() common.Hash {
	return common.HexToHash("0x0e4bdb37a739e18614b1afb00dd0f4c2e213a282cb2627a0a6fe819e98965a49")
}

// UnpackRoleConflictError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error RoleConflict(address account, bytes32 role)
func (firmwareRegistry *FirmwareRegistry) UnpackRoleConflictError(raw []byte) (*FirmwareRegistryRoleConflict, error) {
	out := new(FirmwareRegistryRoleConflict)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "RoleConflict", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistrySafeCastOverflowedUintDowncast represents a SafeCastOverflowedUintDowncast error raised by the FirmwareRegistry contract.
type FirmwareRegistrySafeCastOverflowedUintDowncast struct {
	Bits  uint8
	Value *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func FirmwareRegistrySafeCastOverflowedUintDowncastErrorID() common.Hash {
	return common.HexToHash("0x6dfcc6503a32754ce7a89698e18201fc5294fd4aad43edefee786f88423b1a12")
}

// UnpackSafeCastOverflowedUintDowncastError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value)
func (firmwareRegistry *FirmwareRegistry) UnpackSafeCastOverflowedUintDowncastError(raw []byte) (*FirmwareRegistrySafeCastOverflowedUintDowncast, error) {
	out := new(FirmwareRegistrySafeCastOverflowedUintDowncast)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "SafeCastOverflowedUintDowncast", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistrySequenceNotNext represents a SequenceNotNext error raised by the FirmwareRegistry contract.
type FirmwareRegistrySequenceNotNext struct {
	Given    uint64
	Expected uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SequenceNotNext(uint64 given, uint64 expected)
func FirmwareRegistrySequenceNotNextErrorID() common.Hash {
	return common.HexToHash("0x8c26acb3bcd03c9c678bd8cf01a9c555c554a71b24f67181b0023da793ddd9a1")
}

// UnpackSequenceNotNextError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SequenceNotNext(uint64 given, uint64 expected)
func (firmwareRegistry *FirmwareRegistry) UnpackSequenceNotNextError(raw []byte) (*FirmwareRegistrySequenceNotNext, error) {
	out := new(FirmwareRegistrySequenceNotNext)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "SequenceNotNext", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryUnknownManufacturer represents a UnknownManufacturer error raised by the FirmwareRegistry contract.
type FirmwareRegistryUnknownManufacturer struct {
	Manufacturer [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownManufacturer(bytes32 manufacturer)
func FirmwareRegistryUnknownManufacturerErrorID() common.Hash {
	return common.HexToHash("0x47a823eacc2b7bca0711471afcddb042c6c8dbfac4ca853b8f2d57ebe52a0a34")
}

// UnpackUnknownManufacturerError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownManufacturer(bytes32 manufacturer)
func (firmwareRegistry *FirmwareRegistry) UnpackUnknownManufacturerError(raw []byte) (*FirmwareRegistryUnknownManufacturer, error) {
	out := new(FirmwareRegistryUnknownManufacturer)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "UnknownManufacturer", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryUnknownProduct represents a UnknownProduct error raised by the FirmwareRegistry contract.
type FirmwareRegistryUnknownProduct struct {
	Product [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownProduct(bytes32 product)
func FirmwareRegistryUnknownProductErrorID() common.Hash {
	return common.HexToHash("0x951e5918e2841109d8b0f52f589b65cb57c44adbe1fe3dc8237bfc2cd3fbc36d")
}

// UnpackUnknownProductError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownProduct(bytes32 product)
func (firmwareRegistry *FirmwareRegistry) UnpackUnknownProductError(raw []byte) (*FirmwareRegistryUnknownProduct, error) {
	out := new(FirmwareRegistryUnknownProduct)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "UnknownProduct", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryUnknownRelease represents a UnknownRelease error raised by the FirmwareRegistry contract.
type FirmwareRegistryUnknownRelease struct {
	Sequence uint64
	Latest   uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownRelease(uint64 sequence, uint64 latest)
func FirmwareRegistryUnknownReleaseErrorID() common.Hash {
	return common.HexToHash("0x19ec2ee5303999c982c87e3ef56b267f3197dd7acc89cafb183693ea74e74a62")
}

// UnpackUnknownReleaseError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownRelease(uint64 sequence, uint64 latest)
func (firmwareRegistry *FirmwareRegistry) UnpackUnknownReleaseError(raw []byte) (*FirmwareRegistryUnknownRelease, error) {
	out := new(FirmwareRegistryUnknownRelease)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "UnknownRelease", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryUnknownRole represents a UnknownRole error raised by the FirmwareRegistry contract.
type FirmwareRegistryUnknownRole struct {
	Role [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownRole(bytes32 role)
func FirmwareRegistryUnknownRoleErrorID() common.Hash {
	return common.HexToHash("0x74cc4fed81be75812fac3eee54adcbce40636d7cebb576d71ff5ab3d663a1026")
}

// UnpackUnknownRoleError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownRole(bytes32 role)
func (firmwareRegistry *FirmwareRegistry) UnpackUnknownRoleError(raw []byte) (*FirmwareRegistryUnknownRole, error) {
	out := new(FirmwareRegistryUnknownRole)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "UnknownRole", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// FirmwareRegistryZeroValue represents a ZeroValue error raised by the FirmwareRegistry contract.
type FirmwareRegistryZeroValue struct {
	Field string
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error ZeroValue(string field)
func FirmwareRegistryZeroValueErrorID() common.Hash {
	return common.HexToHash("0x46c82ad0196f611f7b70d8cd7cfe450fc594ee31d60c30f03b520c195e8b60f5")
}

// UnpackZeroValueError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error ZeroValue(string field)
func (firmwareRegistry *FirmwareRegistry) UnpackZeroValueError(raw []byte) (*FirmwareRegistryZeroValue, error) {
	out := new(FirmwareRegistryZeroValue)
	if err := firmwareRegistry.abi.UnpackIntoInterface(out, "ZeroValue", raw); err != nil {
		return nil, err
	}
	return out, nil
}
