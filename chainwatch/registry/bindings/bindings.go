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
	ABI: "[{\"inputs\":[{\"internalType\":\"uint48\",\"name\":\"adminDelay\",\"type\":\"uint48\"},{\"internalType\":\"address\",\"name\":\"admin\",\"type\":\"address\"},{\"internalType\":\"address\",\"name\":\"pauser\",\"type\":\"address\"}],\"stateMutability\":\"nonpayable\",\"type\":\"constructor\"},{\"inputs\":[],\"name\":\"AccessControlBadConfirmation\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint48\",\"name\":\"schedule\",\"type\":\"uint48\"}],\"name\":\"AccessControlEnforcedDefaultAdminDelay\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"AccessControlEnforcedDefaultAdminRules\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"defaultAdmin\",\"type\":\"address\"}],\"name\":\"AccessControlInvalidDefaultAdmin\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"neededRole\",\"type\":\"bytes32\"}],\"name\":\"AccessControlUnauthorizedAccount\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"AlreadyExists\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"index\",\"type\":\"uint256\"}],\"name\":\"DuplicateKey\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"EnforcedPause\",\"type\":\"error\"},{\"inputs\":[],\"name\":\"ExpectedPause\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"expected\",\"type\":\"bytes32\"}],\"name\":\"IdMismatch\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"given\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"current\",\"type\":\"uint64\"}],\"name\":\"MinSequenceNotRaised\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"field\",\"type\":\"string\"},{\"internalType\":\"uint256\",\"name\":\"given\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"min\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"max\",\"type\":\"uint256\"}],\"name\":\"OutOfBounds\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"ReleaseRevoked\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"}],\"name\":\"RoleConflict\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint8\",\"name\":\"bits\",\"type\":\"uint8\"},{\"internalType\":\"uint256\",\"name\":\"value\",\"type\":\"uint256\"}],\"name\":\"SafeCastOverflowedUintDowncast\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"given\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"expected\",\"type\":\"uint64\"}],\"name\":\"SequenceNotNext\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"}],\"name\":\"UnknownManufacturer\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"}],\"name\":\"UnknownProduct\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"latest\",\"type\":\"uint64\"}],\"name\":\"UnknownRelease\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"}],\"name\":\"UnknownRole\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"string\",\"name\":\"field\",\"type\":\"string\"}],\"name\":\"ZeroValue\",\"type\":\"error\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"BarrierSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"subject\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"rev\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"time\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"previousBlock\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"}],\"name\":\"Changed\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"DefaultAdminDelayChangeCanceled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"newDelay\",\"type\":\"uint48\"},{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"effectSchedule\",\"type\":\"uint48\"}],\"name\":\"DefaultAdminDelayChangeScheduled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[],\"name\":\"DefaultAdminTransferCanceled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"address\",\"name\":\"newAdmin\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint48\",\"name\":\"acceptSchedule\",\"type\":\"uint48\"}],\"name\":\"DefaultAdminTransferScheduled\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bool\",\"name\":\"halted\",\"type\":\"bool\"}],\"name\":\"HaltedSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"indexed\":false,\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"}],\"name\":\"KeysSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"did\",\"type\":\"string\"},{\"indexed\":false,\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"indexed\":false,\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"admin\",\"type\":\"address\"}],\"name\":\"ManufacturerCreated\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"MinSequenceRaised\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"Paused\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"}],\"name\":\"ProductCreated\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"}],\"name\":\"Published\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"Revoked\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"previousAdminRole\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"newAdminRole\",\"type\":\"bytes32\"}],\"name\":\"RoleAdminChanged\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"sender\",\"type\":\"address\"}],\"name\":\"RoleGranted\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"sender\",\"type\":\"address\"}],\"name\":\"RoleRevoked\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"region\",\"type\":\"bytes32\"},{\"components\":[{\"internalType\":\"uint8\",\"name\":\"mode\",\"type\":\"uint8\"},{\"internalType\":\"bool\",\"name\":\"warm\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"notBefore\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"start\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"duration\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"startBps\",\"type\":\"uint16\"},{\"internalType\":\"uint16\",\"name\":\"endBps\",\"type\":\"uint16\"},{\"internalType\":\"string\",\"name\":\"label\",\"type\":\"string\"},{\"internalType\":\"bytes32[]\",\"name\":\"canaries\",\"type\":\"bytes32[]\"}],\"indexed\":false,\"internalType\":\"structFirmwareRegistry.Policy\",\"name\":\"policy\",\"type\":\"tuple\"}],\"name\":\"RolloutSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":false,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"Unpaused\",\"type\":\"event\"},{\"inputs\":[],\"name\":\"DEFAULT_ADMIN_ROLE\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"PAUSER_ROLE\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"acceptDefaultAdminTransfer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"newAdmin\",\"type\":\"address\"}],\"name\":\"beginDefaultAdminTransfer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"cancelDefaultAdminTransfer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint48\",\"name\":\"newDelay\",\"type\":\"uint48\"}],\"name\":\"changeDefaultAdminDelay\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"region\",\"type\":\"bytes32\"}],\"name\":\"check\",\"outputs\":[{\"components\":[{\"internalType\":\"uint256\",\"name\":\"chainId\",\"type\":\"uint256\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"blockTime\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"rev\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"revBlock\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"paused\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"latest\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"minSequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"barrier\",\"type\":\"uint64\"},{\"internalType\":\"string\",\"name\":\"manufacturer\",\"type\":\"string\"},{\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"},{\"components\":[{\"components\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"publishedAt\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"revoked\",\"type\":\"bool\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"}],\"internalType\":\"structFirmwareRegistry.ReleaseInfo\",\"name\":\"release\",\"type\":\"tuple\"},{\"internalType\":\"bool\",\"name\":\"halted\",\"type\":\"bool\"},{\"components\":[{\"internalType\":\"uint8\",\"name\":\"mode\",\"type\":\"uint8\"},{\"internalType\":\"bool\",\"name\":\"warm\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"notBefore\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"start\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"duration\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"startBps\",\"type\":\"uint16\"},{\"internalType\":\"uint16\",\"name\":\"endBps\",\"type\":\"uint16\"},{\"internalType\":\"string\",\"name\":\"label\",\"type\":\"string\"},{\"internalType\":\"bytes32[]\",\"name\":\"canaries\",\"type\":\"bytes32[]\"}],\"internalType\":\"structFirmwareRegistry.Policy\",\"name\":\"policy\",\"type\":\"tuple\"}],\"internalType\":\"structFirmwareRegistry.Candidate[]\",\"name\":\"candidates\",\"type\":\"tuple[]\"}],\"internalType\":\"structFirmwareRegistry.View\",\"name\":\"v\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"string\",\"name\":\"did\",\"type\":\"string\"},{\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"},{\"internalType\":\"address\",\"name\":\"admin\",\"type\":\"address\"}],\"name\":\"createManufacturer\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"operator\",\"type\":\"address\"}],\"name\":\"createProduct\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"defaultAdmin\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"defaultAdminDelay\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"defaultAdminDelayIncreaseWait\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"}],\"name\":\"getRoleAdmin\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"grantRole\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"hasRole\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"}],\"name\":\"manufacturerRole\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"}],\"name\":\"operatorRole\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"owner\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"\",\"type\":\"address\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"pause\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"paused\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"pendingDefaultAdmin\",\"outputs\":[{\"internalType\":\"address\",\"name\":\"newAdmin\",\"type\":\"address\"},{\"internalType\":\"uint48\",\"name\":\"schedule\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"pendingDefaultAdminDelay\",\"outputs\":[{\"internalType\":\"uint48\",\"name\":\"newDelay\",\"type\":\"uint48\"},{\"internalType\":\"uint48\",\"name\":\"schedule\",\"type\":\"uint48\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"}],\"name\":\"productOf\",\"outputs\":[{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"},{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"},{\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"}],\"name\":\"publish\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"from\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"count\",\"type\":\"uint64\"}],\"name\":\"releases\",\"outputs\":[{\"components\":[{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"publishedAt\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"imageSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"imageSha256\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"envelope\",\"type\":\"bytes32\"},{\"internalType\":\"bool\",\"name\":\"revoked\",\"type\":\"bool\"},{\"internalType\":\"string\",\"name\":\"version\",\"type\":\"string\"}],\"internalType\":\"structFirmwareRegistry.ReleaseInfo[]\",\"name\":\"page\",\"type\":\"tuple[]\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"renounceRole\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"revoke\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"role\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"revokeRole\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"rollbackDefaultAdminDelay\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"setBarrier\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"bool\",\"name\":\"halted\",\"type\":\"bool\"}],\"name\":\"setHalted\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"manufacturer\",\"type\":\"bytes32\"},{\"internalType\":\"uint8\",\"name\":\"threshold\",\"type\":\"uint8\"},{\"internalType\":\"bytes[]\",\"name\":\"keys\",\"type\":\"bytes[]\"}],\"name\":\"setKeys\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"}],\"name\":\"setMinSequence\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"product\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"sequence\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"region\",\"type\":\"bytes32\"},{\"components\":[{\"internalType\":\"uint8\",\"name\":\"mode\",\"type\":\"uint8\"},{\"internalType\":\"bool\",\"name\":\"warm\",\"type\":\"bool\"},{\"internalType\":\"uint64\",\"name\":\"notBefore\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"start\",\"type\":\"uint64\"},{\"internalType\":\"uint32\",\"name\":\"duration\",\"type\":\"uint32\"},{\"internalType\":\"uint16\",\"name\":\"startBps\",\"type\":\"uint16\"},{\"internalType\":\"uint16\",\"name\":\"endBps\",\"type\":\"uint16\"},{\"internalType\":\"string\",\"name\":\"label\",\"type\":\"string\"},{\"internalType\":\"bytes32[]\",\"name\":\"canaries\",\"type\":\"bytes32[]\"}],\"internalType\":\"structFirmwareRegistry.Policy\",\"name\":\"policy\",\"type\":\"tuple\"}],\"name\":\"setRollout\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes4\",\"name\":\"interfaceId\",\"type\":\"bytes4\"}],\"name\":\"supportsInterface\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"subject\",\"type\":\"bytes32\"}],\"name\":\"trackOf\",\"outputs\":[{\"internalType\":\"uint64\",\"name\":\"rev\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"revBlock\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"unpause\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"}]",
	ID:  "FirmwareRegistry",
	Bin: "0x608080604052346100d457601f61409f38819003918201601f19168301916001600160401b038311848410176100d8578084926060946040528339810103126100d457805165ffffffffffff811681036100d45761006b6040610064602085016100ec565b93016100ec565b906001600160a01b038316156100c157600180546001600160d01b031660d09290921b6001600160d01b0319169190911790556100b1916100ab90610100565b50610175565b50604051613e1b90816102848239f35b636116401160e11b5f525f60045260245ffd5b5f80fd5b634e487b7160e01b5f52604160045260245ffd5b51906001600160a01b03821682036100d457565b6001600160a01b038116801561014557805f52600a60205260405f205461012f575061012c905f6101aa565b90565b630e4bdb3760e01b5f526004525f60245260445ffd5b60405163046c82ad60e41b81526020600482015260076024820152661858d8dbdd5b9d60ca1b6044820152606490fd5b6001600160a01b038116156101455761012c907f65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a5b9081156101bb575b61012c916101fb565b600254916001600160a01b0383166101ec576001600160a01b03199092166001600160a01b038216176002556101b2565b631fe1e13d60e11b5f5260045ffd5b5f818152602081815260408083206001600160a01b038616845290915290205460ff1661027d575f818152602081815260408083206001600160a01b0395909516808452949091528120805460ff19166001179055339291907f2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d9080a4600190565b50505f9056fe6080806040526004361015610012575f80fd5b5f3560e01c90816301ffc9a71461290857508063022d63fb146128eb5780630aa6220b14612859578063137eee051461283b5780631668bd83146125a35780631c10f31914612585578063248a9ca314612553578063257d67aa14611cc35780632bec25af14611bc55780632f2ff15d14611b8257806336568abe14611a975780633e5baf9c146118cf5780633f4ba83a14611848578063462794c3146113d95780635c975abb146113b757806361ae53d91461117d578063634e93da146110a1578063649a5ec714610f085780636fd3436e14610eac5780638456cb5914610e2d57806384ef8ffc14610e055780638da5cb5b14610e0557806391d1485414610dbd578063a1eda53c14610d5b578063a217fddf14610d41578063aec849ac14610793578063aeebee82146106e2578063b487938314610615578063b763db90146105cc578063b92a995d146104e9578063cc534585146103ba578063cc8463c814610390578063cefc1429146102e4578063cf6eefb7146102ab578063d547741f14610252578063d602b9fd146101f15763e63ab1e9146101b3575f80fd5b346101ed575f3660031901126101ed5760206040517f65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a8152f35b5f80fd5b346101ed575f3660031901126101ed576102096130dc565b600180546001600160d01b0319811690915560a01c65ffffffffffff1661022c57005b7f8886ebfc4259abdbc16601dd8fb5678e54878f47b3c34836cfc51154a96051095f80a1005b346101ed5760403660031901126101ed5760043561026e6129d2565b811561029c578161029561029061029a945f525f602052600160405f20015490565b61319a565b613be4565b005b631fe1e13d60e11b5f5260045ffd5b346101ed575f3660031901126101ed57600154604080516001600160a01b038316815260a09290921c65ffffffffffff16602083015290f35b346101ed575f3660031901126101ed576001546001600160a01b0316330361037d5760015460a081901c65ffffffffffff16906001600160a01b031681158015610373575b6103605760025461034d9190610347906001600160a01b0316613b3d565b5061364e565b50600180546001600160d01b0319169055005b506319ca5ebb60e01b5f5260045260245ffd5b5042821015610329565b636116401160e11b5f523360045260245ffd5b346101ed575f3660031901126101ed5760206103aa6130a3565b65ffffffffffff60405191168152f35b346101ed5760403660031901126101ed576004356103d6612a7b565b60016103e183613979565b6103ee6102908254612b18565b01918254926001600160401b038460401c16936001600160401b03841694808611156104d357506001600160401b03168085116104bd5750805467ffffffffffffffff60401b1916604084901b67ffffffffffffffff60401b1617905561029a926104b8906104aa604051948592857f8b96786d1b816c67b0512afe5dd83e49cd3db7a3348d3f2fcd8907c1bc3577e95f80a363cc53458560e01b6020840152602483018590526001600160401b031660448301526064820190565b03601f198101845283612af7565b61392f565b846319ec2ee560e01b5f5260045260245260445ffd5b8563252d7a7b60e01b5f5260045260245260445ffd5b346101ed5760403660031901126101ed5761029a600435610508612a7b565b906104b861051582613979565b61052161029084612cb1565b6105648460016001600160401b03821693846105bb575b01805467ffffffffffffffff60801b191660809290921b67ffffffffffffffff60801b16919091179055565b6104aa604051948592857f9b0d1fc797bdd9f0fe5029df0fa84b240130787c04b953b78f819e40a4b292885f80a363b92a995d60e01b6020840152602483018590526001600160401b031660448301526064820190565b6105c6838289613a49565b50610538565b346101ed5760203660031901126101ed576004355f526007602052606060405f20600181549101546001600160401b0360405192818116845260401c1660208301526040820152f35b346101ed5760603660031901126101ed57600435610631612a7b565b9060443590811515918281036101ed57836106846001600160401b0392600561067261029a9861066088613979565b61066c6102908a612cb1565b88613a82565b019060ff801983541691151516179055565b169182827fb6a44c8e6d55c1a5bacc70292e66c637770cf55881e15452afcdd9d063fd07a76020604051858152a36040519263b487938360e01b602085015282602485015260448401526064830152606482526104b8608483612af7565b346101ed5760403660031901126101ed5761029a6104aa6004356104b8610707612a7b565b60036107298261071686613979565b6107236102908254612b18565b86613a49565b01805460ff191660011790556040519384916001600160401b038116857f7daf8fe390c53ff75e93b33bedcc8775b7bc3f7e00c9bb6051eeddf67c0c00485f80a3635775f74160e11b6020840152602483018590526001600160401b031660448301526064820190565b346101ed5760803660031901126101ed576004356107af612a7b565b90604435906064356001600160401b0381116101ed578060040161012060031983360301126101ed576107e183613979565b946107ee61029085612cb1565b6107f782612ede565b9260409360ff85519161080a8784612af7565b60048352636d6f646560e01b60208401521660038111610d0557505060c481019061083482612eec565b61ffff8651916108448884612af7565b6006835265656e6442707360d01b6020840152166127108111610cc857505060a4810161087081612eec565b61087984612eec565b61ffff8089519361088a8b86612af7565b6008855267737461727442707360c01b6020860152169116808211610ca35750505060e48201916108bb8387612efb565b885191506108c98983612af7565b60058252641b1858995b60da1b602083015260208111610c675750506101048101996108f58b88612f2d565b895191506109038a83612af7565b600882526763616e617269657360c01b6020830152898111610c2b57505061092e866006928b613a49565b01895f52602052865f2093600160ff19865416178555600185019260ff61095489612ede565b1660ff1985541617845560248301358015158091036101ed5784549369ffffffffffffffff000061098760448301612f62565b60101b1694608467ffffffffffffffff60501b6109a660648501612f62565b60501b169201359363ffffffff851685036101ed5761ffff60b01b906109cb90612eec565b60b01b169461ffff60c01b906109e090612eec565b60c01b169561ffff60c01b199361ffff60b01b199261ff0063ffffffff60901b199260081b169071ffffffffffffffffffffffffffffffffff0019161716171617169063ffffffff60901b9060901b161717179055610a43600283019185612efb565b906001600160401b038211610ba357610a6682610a608554612b5f565b85612bb2565b5f90601f8311600114610bc25782610aa7959360039593610a9c935f92610bb7575b50508160011b915f199060031b1c19161790565b90555b019683612f2d565b906001600160401b038211610ba357600160401b8211610ba3578754828955808310610b79575b50965f5260205f20965f5b828110610b655761029a88886104b8896104aa8a6001600160401b038b16928684877fda34fd533751ffab7866c570c4bbfba105c41fe3d017e845e41466a8aa13a73084516020815280610b306020820189612f85565b0390a451958693632bb2126b60e21b6020860152866024860152604485015260648401526080608484015260a4830190612f85565b60019060208335930192818b015501610ad9565b885f52828060205f20019103905f5b828110610b96575050610ace565b5f82820155600101610b88565b634e487b7160e01b5f52604160045260245ffd5b013590508d80610a88565b601f19831691845f5260205f20925f5b818110610c135750926001928592610aa798966003989610610bfc575b505050811b019055610a9f565b01355f1983881b60f8161c191690558c8080610bef565b91936020600181928787013581550195019201610bd2565b895163808861f960e01b815260806004820152925082918a90610c529060848501906129e8565b9160248401525f604484015260648301520390fd5b885163808861f960e01b81526080600482015292508291610c8c9060848401906129e8565b9060248301525f6044830152602060648301520390fd5b885163808861f960e01b81526080600482015293508392610c529060848501906129e8565b865163808861f960e01b81526080600482015292508291610ced9060848401906129e8565b9060248301525f604483015261271060648301520390fd5b855163808861f960e01b81526080600482015292508291610d2a9060848401906129e8565b9060248301525f6044830152600360648301520390fd5b346101ed575f3660031901126101ed5760206040515f8152f35b346101ed575f3660031901126101ed576002548060d01c9081151580610db3575b15610da95760a01c65ffffffffffff165b6040805165ffffffffffff928316815292909116602083015290f35b50505f5f90610d8d565b5042821015610d7c565b346101ed5760403660031901126101ed57610dd66129d2565b6004355f525f60205260405f209060018060a01b03165f52602052602060ff60405f2054166040519015158152f35b346101ed575f3660031901126101ed576002546040516001600160a01b039091168152602090f35b346101ed575f3660031901126101ed57610e4561312b565b610e4d6139b4565b600160ff1960035416176003557f62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a2586020604051338152a1604051638456cb5960e01b60208201526004815261029a90610ea7602482612af7565b61384f565b346101ed5760203660031901126101ed57610efe6002610ecd600435613979565b610eea815491610ee36040518095819301612cee565b0383612af7565b6040519283926040845260408401906129e8565b9060208301520390f35b346101ed5760203660031901126101ed5760043565ffffffffffff8116908181036101ed57610f356130dc565b610f3e42613cae565b9165ffffffffffff610f4e6130a3565b168082111561105357507ff1038c18cf84a56e432fdbfaf746924b7ea511dfe03a6506a0ceba4888788d9b9265ffffffffffff826206978080610f9b951091180262069780181690613a2b565b906002548060d01c80610ff7575b5050600280546001600160a01b031660a083901b65ffffffffffff60a01b161760d084901b6001600160d01b0319161790556040805165ffffffffffff9283168152919092166020820152a1005b42111561102957600180546001600160d01b031660309290921b6001600160d01b0319169190911790555b8380610fa9565b507f2b1fa2edafe6f7b9e97c1a9e0c3660e645beb2dcaa2d45bdbf9beaf5472e1ec55f80a1611022565b0365ffffffffffff811161108d577ff1038c18cf84a56e432fdbfaf746924b7ea511dfe03a6506a0ceba4888788d9b92610f9b9190613a2b565b634e487b7160e01b5f52601160045260245ffd5b346101ed5760203660031901126101ed576004356001600160a01b038116908190036101ed576110cf6130dc565b7f3377dc44241e779dd06afab5b788a35ca5f3b778836e2990bdb26a2a4b2e5ed6602061110c6110fe42613cae565b6111066130a3565b90613a2b565b600180546001600160d01b03198116861760a084811b65ffffffffffff60a01b1691909117909255901c65ffffffffffff16611154575b65ffffffffffff60405191168152a2005b7f8886ebfc4259abdbc16601dd8fb5678e54878f47b3c34836cfc51154a96051095f80a1611143565b346101ed5760803660031901126101ed576004356024356001600160401b0381116101ed576111b0903690600401612975565b916044356064356001600160a01b038116908181036101ed576111d16130dc565b6040906111fc82516111e38482612af7565b60048152636e616d6560e01b60208201528888886131d2565b835f52600460205260ff825f205416156113a4575f85815260056020528281208590558290206002016001600160401b038811610ba357611247886112418354612b5f565b83612bb2565b5f601f891160011461133057926112a389959361130c936112858861029a9d6104b89b995f91611325575b508160011b915f199060031b1c19161790565b90555b61129189612cb1565b805f52600860205286845f20556136c0565b508284887fcb5fb01203d20ad045dc6dee32d52c75d648be73c0254150c8f2769853860ced6112e08c8651918291602083528c6020840191612c01565b0390a4516361ae53d960e01b6020820152602481018790526080604482015296879460a4860191612c01565b916064840152608483015203601f198101845283612af7565b90508d01358f611272565b601f19891690825f5260205f20915f5b81811061138c57509361130c936104b89896936112a3938d61029a9e9a9810611373575b5050600188811b019055611288565b8c01355f1960038b901b60f8161c191690558c80611364565b9192602060018192868e013581550194019201611340565b836323d411f560e11b5f5260045260245ffd5b346101ed575f3660031901126101ed57602060ff600354166040519015158152f35b346101ed5760c03660031901126101ed576004356113f5612a7b565b906044356001600160401b0381116101ed57611415903690600401612975565b9190926064356001600160401b0381168091036101ed5760a43560843561143a6139b4565b600161144586613979565b6114526102908254612b18565b01966001600160401b0380611469818b5416612dbc565b1695169480860361183257506040976114a1888a516114888c82612af7565b60078152663b32b939b4b7b760c91b60208201526139cf565b88516114ad8a82612af7565b6009815268696d61676553697a6560b81b6020820152600186108015611825575b6117e4575082156117b157831561178157805467ffffffffffffffff1916861790558751976114fc89612adc565b8589526020890198426001600160401b03168a5281810186815260608201858152608083019087825260a08401925f84528c366115399189612e99565b9d60c086019e8f528c5f526006602052865f208c5f52602052865f2095516001600160401b03166001600160401b03166001600160401b0319875416178655516001600160401b03166115af90869067ffffffffffffffff60401b82549160401b169067ffffffffffffffff60401b1916179055565b51845467ffffffffffffffff60801b191660809190911b67ffffffffffffffff60801b1617845551600184015551600283015551151560038201906115ff919060ff801983541691151516179055565b60040198519889516001600160401b038111610ba357611629816116238454612b5f565b84612bb2565b6020601f821160011461170f5791611667826116e695936104b89b9a9998979561029a9f5f926117045750508160011b915f199060031b1c19161790565b90555b86897fc46d68f5205cf76e7cde20a4341e132cef8ddd2f7a1ac1683729e142bd60d5d16116a58d855191829160808352608083019089612c01565b8b602083015289878301528a60608301520390a35198899663462794c360e01b6020890152896024890152604488015260c0606488015260e4870191612c01565b92608485015260a484015260c483015203601f198101845283612af7565b015190508f80610a88565b601f1982169b835f52815f209c5f5b81811061176957509261029a9d6104b89b9a9998979593600193836116e6999710611751575b505050811b01905561166a565b01515f1960f88460031b161c191690558e8080611744565b838301518f556001909e019d6020938401930161171e565b885163046c82ad60e41b8152602060048201526008602482015267656e76656c6f706560c01b6044820152606490fd5b885163046c82ad60e41b815260206004820152600b60248201526a34b6b0b3b2a9b430991a9b60a91b6044820152606490fd5b895163808861f960e01b815260806004820152908190879061180a9060848401906129e8565b90602483015260016044830152631000000060648301520390fd5b50631000000086116114ce565b85638c26acb360e01b5f5260045260245260445ffd5b346101ed575f3660031901126101ed5761186061312b565b60035460ff8116156118c05760ff19166003557f5db9ee0a495bf2e6ff9c91a7834c1ba4fdd244a5e8aa4e537bd38aeae4b073aa6020604051338152a1604051631fa5d41d60e11b60208201526004815261029a90610ea7602482612af7565b638dfc202b60e01b5f5260045ffd5b346101ed5760603660031901126101ed576004356118eb612a7b565b604435906001600160401b0382168092036101ed57806001600160401b0380600161191587613979565b015416911615611a8e575b6001600160401b0382169080821115611a655750505f915b808311611a5d575b5060408211611a54575b61195382612d6f565b926119616040519485612af7565b828452601f1961197084612d6f565b015f5b818110611a3d5750505f5b8381106119ec57846040518091602082016020835281518091526040830190602060408260051b8601019301915f905b8282106119bd57505050500390f35b919360019193955060206119dc8192603f198a82030186528851612a0c565b96019201920185949391926119ae565b600190825f52600660205260405f206001600160401b03611a0f81841687612dda565b165f52602052611a2160405f20612e22565b611a2b8288612dfa565b52611a368187612dfa565b500161197e565b602090611a48612d86565b82828901015201611973565b6040915061194a565b915083611940565b036001600160401b03811161108d576001600160401b03166001810180911161108d5791611938565b60019150611920565b346101ed5760403660031901126101ed57600435611ab36129d2565b811580611b6b575b611ae8575b336001600160a01b03821603611ad95761029a91613be4565b63334bd91960e11b5f5260045ffd5b60015465ffffffffffff60a082901c16906001600160a01b031615801590611b5b575b8015611b49575b611b2e57506001805465ffffffffffff60a01b19169055611ac0565b65ffffffffffff906319ca5ebb60e01b5f521660045260245ffd5b504265ffffffffffff82161015611b12565b5065ffffffffffff811615611b0b565b506002546001600160a01b03828116911614611abb565b346101ed5760403660031901126101ed57600435611b9e6129d2565b811561029c5781611bc061029061029a945f525f602052600160405f20015490565b6136c0565b346101ed5760603660031901126101ed5760043560243560ff81168082036101ed576044356001600160401b0381116101ed57611c069036906004016129a2565b92845f52600460205260ff60405f20541615611cb057916104aa82611c40866104b8958997611c3a61029061029a9c612b18565b88613270565b847f20bc20a861f36e29a770df23ed4cc65ae10ed3d619079e0441cf4e50e241da986040518581526040602082015280611c7e604082018b87612c52565b0390a2604051958693632bec25af60e01b60208601528660248601526044850152606060648501526084840191612c52565b846323d411f560e11b5f5260045260245ffd5b346101ed5760403660031901126101ed576040516101c081018181106001600160401b03821117610ba3576040525f81525f60208201525f60408201525f60608201525f60808201525f60a08201525f60c08201525f60e08201525f6101008201525f61012082015260606101408201525f610160820152606061018082015260606101a0820152611d56600435613979565b60026001825492835f5260046020526001600160401b0360405f2094468752814316602088015281421660408801526004355f52600760205260405f20905f5260076020528160405f20915f8052600760205260405f2092815493815492611dc2858516868816612dda565b8580611dd385549382851690612dda565b9860401c169560401c1685811161254b575b5060401c85168486168111612543575b5088808092015493015491015460405191602083019384526040830152606082015260608152611e26608082612af7565b51902060a08a015216608088015216606086015260ff60035416151560c08601520154916001600160401b03831660e08501526001600160401b038360401c166101008501526001600160401b038360801c16610120850152604051611e9a81611e938160018601612cee565b0382612af7565b61014085015260ff815416610160850152018054611eb781612d6f565b91611ec56040519384612af7565b81835260208301905f5260205f205f915b83831061251e575050505061018083015260405160a0611ef68183612af7565b803683375f906001600160401b038416945f955b6001600160401b038116151580612514575b8061250a575b15611fa4576004355f52600660205260405f206001600160401b0382165f5260205260ff600360405f2001541615611f80575b6001600160401b0381161561108d576001600160401b03165f190195611f7a90613640565b95611f0a565b611f8984613640565b93611f9e6001600160401b03831691876139a3565b52611f55565b838686926001600160401b038260801c16151590816124ea575b50806124b6575b61248e575b50611fd481612d6f565b91611fe26040519384612af7565b818352601f19611ff183612d6f565b015f5b81811061241f5750505f5b82811061229d575050506101a08201526040519060208252805160208301526001600160401b0360208201511660408301526001600160401b0360408201511660608301526001600160401b0360608201511660808301526001600160401b036080820151168383015260a081015160c083015260c0810151151560e08301526001600160401b0360e0820151166101008301526001600160401b03610100820151166101208301526001600160401b03610120820151166101408301526120da6101408201516101c06101608501526101e08401906129e8565b9060ff6101608201511661018084015261018081015191601f19848203016101a0850152825180825260208201916020808360051b8301019501925f915b838310612270578888886101a089015190601f19838203016101c0840152815190818152602081016020808460051b8401019401955f925b84841061215d5786860387f35b9091929394601f1982820301845287519060406121838351606084526060840190612a0c565b92602081015115156020840152015190604081840391015260ff81511682526020810151151560208301526001600160401b0360408201511660408301526001600160401b03606082015116606083015263ffffffff608082015116608083015261ffff84820151168483015261ffff60c08201511660c083015261010061221c60e083015161012060e08601526101208501906129e8565b91015191610100818303910152602080835192838152019201905f905b8082106122585750505060209788019790959460010193019190612150565b90919260208060019286518152019401920190612239565b909192939560208061228e600193601f198682030187528a516129e8565b98019301930191939290612118565b6004355f52600660205260405f206001600160401b03806122be84866139a3565b5116165f5260205260405f20600681016024355f528060205260405f209060ff8254161561240d575b5060ff6005830154166123056040519361230085612aa5565b612e22565b83521515602083015260036040519161231d83612ac0565b61ffff600182015460ff8116855260ff8160081c16151560208601526001600160401b038160101c1660408601526001600160401b038160501c16606086015263ffffffff8160901c166080860152818160b01c168c86015260c01c1660c084015260405161239381611e938160028601612cee565b60e0840152016040519081602082549182815201915f5260205f20905f905b8082106123f557505050906123ce816001969594930382612af7565b61010082015260408201526123e38287612dfa565b526123ee8186612dfa565b5001611fff565b909192600160208192865481520194019201906123b2565b90505f805260205260405f20886122e7565b60209060405161242e81612aa5565b612436612d86565b81525f8382015260405161244981612ac0565b5f81525f848201525f60408201525f60608201525f60808201525f8a8201525f60c0820152606060e08201526060610100820152604082015282828801015201611ff4565b906124af6001600160401b036124a383613640565b9360801c1691846139a3565b5284611fca565b506004355f52600660205260405f206001600160401b03808360801c16165f5260205260ff600360405f2001541615611fc5565b6001600160401b039150166001600160401b038260801c16111586611fbe565b5060408710611f22565b5060048410611f1c565b60016020819260405161253581611e938189612cee565b815201920192019190611ed6565b935088611df5565b945085611de5565b346101ed5760203660031901126101ed57602061257d6004355f525f602052600160405f20015490565b604051908152f35b346101ed5760203660031901126101ed57602061257d600435612cb1565b346101ed5760a03660031901126101ed576024356001600160401b0381116101ed576125d3903690600401612975565b60443560ff811681036101ed576064356001600160401b0381116101ed576125ff9036906004016129a2565b60843592916001600160a01b03841684036101ed5761261c6130dc565b6040612647815161262d8382612af7565b6003815262191a5960ea1b602082015287896004356131d2565b6004355f5260046020526001815f20016001600160401b038711610ba357612673876112418354612b5f565b5f601f88116001146127c1579260ff6127778997946127ae9997946126b78a8e9d61029a9f9a61278f9b5f926127b65750508160011b915f199060031b1c19161790565b90555b6126c8858588600435613270565b6126eb886126d7600435612b18565b805f526008602052600435845f20556136c0565b508051606081526127018c8b6060840191612c01565b8488166020830152818103838301527f5b0d240fbaf931d200d6bde168cf72e03b3bc857eb1e0909a6fad2a52f14f35160018060a01b038b16928061274a600435948b8b612c52565b0390a351631668bd8360e01b6020820152600435602482015260a06044820152998a9860c48a0191612c01565b93166064870152858303602319016084870152612c52565b6001600160a01b039190911660a483015203601f198101835282612af7565b60043561392f565b013590505f8f610a88565b601f19881690825f5260205f20915f5b81811061282357508997946127ae99979461278f97948d60ff9561029a9f9e612777961061280a575b50505060018a811b0190556126ba565b01355f1960038d901b60f8161c191690558d8c816127fa565b9192602060018192868f0135815501940192016127d1565b346101ed5760203660031901126101ed57602061257d600435612b18565b346101ed575f3660031901126101ed576128716130dc565b6002548060d01c8061288f575b600280546001600160a01b03169055005b4211156128c157600180546001600160d01b031660309290921b6001600160d01b0319169190911790555b808061287e565b507f2b1fa2edafe6f7b9e97c1a9e0c3660e645beb2dcaa2d45bdbf9beaf5472e1ec55f80a16128ba565b346101ed575f3660031901126101ed576020604051620697808152f35b346101ed5760203660031901126101ed576004359063ffffffff60e01b82168092036101ed576020916318a4c3c360e11b811490811561294a575b5015158152f35b637965db0b60e01b811491508115612964575b5083612943565b6301ffc9a760e01b1490508361295d565b9181601f840112156101ed578235916001600160401b0383116101ed57602083818601950101116101ed57565b9181601f840112156101ed578235916001600160401b0383116101ed576020808501948460051b0101116101ed57565b602435906001600160a01b03821682036101ed57565b805180835260209291819084018484015e5f828201840152601f01601f1916010190565b9060e060c0612a78936001600160401b0381511684526001600160401b0360208201511660208501526001600160401b036040820151166040850152606081015160608501526080810151608085015260a0810151151560a08501520151918160c082015201906129e8565b90565b602435906001600160401b03821682036101ed57565b35906001600160401b03821682036101ed57565b606081019081106001600160401b03821117610ba357604052565b61012081019081106001600160401b03821117610ba357604052565b60e081019081106001600160401b03821117610ba357604052565b90601f801991011681019081106001600160401b03821117610ba357604052565b60405160208101916040835260116060830152704d414e5546414354555245525f524f4c4560781b6080830152604082015260808152612b5960a082612af7565b51902090565b90600182811c92168015612b8d575b6020831014612b7957565b634e487b7160e01b5f52602260045260245ffd5b91607f1691612b6e565b5f5b828110612ba557505050565b5f82820155600101612b99565b91601f8211612bc057505050565b808211612bcc57505050565b612bf7925f5260205f20916020601f830160051c9210612bf9575b601f82910160051c039101612b97565b565b5f9150612be7565b908060209392818452848401375f828201840152601f01601f1916010190565b9035601e19823603018112156101ed5701602081359101916001600160401b0382116101ed5781360383136101ed57565b90602083828152019260208260051b82010193835f925b848410612c795750505050505090565b909192939495602080612ca1600193601f19868203018852612c9b8b88612c21565b90612c01565b9801940194019294939190612c69565b604051602081019160408352600d60608301526c4f50455241544f525f524f4c4560981b6080830152604082015260808152612b5960a082612af7565b5f9291815491612cfd83612b5f565b8083529260018116908115612d525750600114612d1957505050565b5f9081526020812093945091925b838310612d38575060209250010190565b600181602092949394548385870101520191019190612d27565b915050602093945060ff929192191683830152151560051b010190565b6001600160401b038111610ba35760051b60200190565b60405190612d9382612adc565b606060c0835f81525f60208201525f60408201525f838201525f60808201525f60a08201520152565b6001600160401b036001911601906001600160401b03821161108d57565b906001600160401b03809116911601906001600160401b03821161108d57565b8051821015612e0e5760209160051b010190565b634e487b7160e01b5f52603260045260245ffd5b90600460c0604051612e3381612adc565b612e9581956001600160401b0381548181168552818160401c16602086015260801c166040840152600181015460608401526002810154608084015260ff600382015416151560a0840152612e8e6040518096819301612cee565b0384612af7565b0152565b9291926001600160401b038211610ba35760405191612ec2601f8201601f191660200184612af7565b8294818452818301116101ed578281602093845f960137010152565b3560ff811681036101ed5790565b3561ffff811681036101ed5790565b903590601e19813603018212156101ed57018035906001600160401b0382116101ed576020019181360383136101ed57565b903590601e19813603018212156101ed57018035906001600160401b0382116101ed57602001918160051b360383136101ed57565b356001600160401b03811681036101ed5790565b359061ffff821682036101ed57565b90813560ff81168091036101ed57815260208201358015158091036101ed5760208201526001600160401b03612fbd60408401612a91565b1660408201526001600160401b03612fd760608401612a91565b166060820152608082013563ffffffff81168091036101ed57608082015261ffff61300460a08401612f76565b1660a082015261ffff61301960c08401612f76565b1660c082015261304261302f60e0840184612c21565b61012060e0850152610120840191612c01565b91610100810135601e19823603018112156101ed570191602083359301926001600160401b0381116101ed578060051b9283360385136101ed57808303610100909101528082526001600160fb1b03106101ed578160209384830137010190565b6002548060d01c80151590816130d2575b50156130c85760a01c65ffffffffffff1690565b5060015460d01c90565b905042115f6130b4565b335f9081527fad3228b676f7d3cd4284a5443f17f1962b36e491b30a40b2405849e597ba5fb5602052604090205460ff161561311457565b63e2517d3f60e01b5f52336004525f60245260445ffd5b335f9081527ff7c9542c591017a21c74b6f3fab6263c7952fc0aaf9db4c22a2a04ddc7f8674f602052604090205460ff161561316357565b63e2517d3f60e01b5f52336004527f65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a60245260445ffd5b5f8181526020818152604080832033845290915290205460ff16156131bc5750565b63e2517d3f60e01b5f523360045260245260445ffd5b92915f916131e2826020956139cf565b8160405192839283378101838152039060025afa1561324a575f518082036132345750805f5260076020526001600160401b0360405f2054166132225750565b6304a6f2f160e21b5f5260045260245ffd5b9063fd311b9d60e01b5f5260045260245260445ffd5b6040513d5f823e3d90fd5b90821015612e0e5761326c9160051b810190612efb565b9091565b92919260409182516132828482612af7565b60048152636b65797360e01b6020820152600185108015613636575b6135f8575060ff8351916132b28584612af7565b60098352681d1a1c995cda1bdb1960ba1b602084015216906001821080156135ef575b6135b357506132e384612d6f565b6132ef84519182612af7565b848152601f196132fe86612d6f565b013660208301375f5b8581106134c35750505f9182526004602052828220805460ff191690911790552060020191600160401b8211610ba3578254828455808310613445575b505f928352602083209290805b83831061335f575050505050565b6133698183612efb565b906001600160401b038211610ba35761338c826133868954612b5f565b89612bb2565b5f90601f83116001146133db57926133c1836001959460209487965f926133d05750508160011b915f199060031b1c19161790565b88555b01950192019193613351565b013590505f80610a88565b601f19831691885f5260205f20925f5b81811061342d5750936020936001969387969383889510613414575b505050811b0188556133c4565b01355f19600384901b60f8161c191690555f8080613407565b919360206001819287870135815501950192016133eb565b835f52828060205f20019103905f5b828110613462575050613344565b8060019183016134728154612b5f565b9081613481575b505001613454565b81601f5f931185146134975750555b5f80613479565b818352602083206134b391601f0160051c841901908601612b97565b8082528160208120915555613490565b6134ce818789613255565b865191506134dc8783612af7565b60038252626b657960e81b60208301526001811080156135a9575b61356c57505061351261350b82888a613255565b3691612e99565b602081519101206135238284612dfa565b525f5b8181106135365750600101613307565b6135408184612dfa565b5161354b8385612dfa565b511461355957600101613526565b506321889ad760e11b5f5260045260245ffd5b865163808861f960e01b815260806004820152925082916135919060848401906129e8565b90602483015260016044830152602860648301520390fd5b50602881116134f7565b835163808861f960e01b81526080600482015291829186906135d99060848501906129e8565b9160248401526001604484015260648301520390fd5b508482116132d5565b835163808861f960e01b815260806004820152908190869061361e9060848401906129e8565b90602483015260016044830152601060648301520390fd5b506010851161329e565b5f19811461108d5760010190565b6001600160a01b038116801561369057805f52600a60205260405f205461367a5750612a78905f613aef565b630e4bdb3760e01b5f526004525f60245260445ffd5b60405163046c82ad60e41b81526020600482015260076024820152661858d8dbdd5b9d60ca1b6044820152606490fd5b91906001600160a01b038116908115613690577f65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a841461384357831561380f57835f52600860205260405f20549081156137fc576002546001600160a01b031683146137e55761372f82612b18565b85811480159691906137c6575f525f60205260405f20845f5260205260ff60405f2054165b6137b0579061376291613aef565b938461376d57505050565b825f52600a60205260405f206137838154613640565b905561378d575050565b5f52600960205260405f20905f5260205260405f206137ac8154613640565b9055565b83630e4bdb3760e01b5f5260045260245260445ffd5b50825f52600960205260405f20845f5260205260405f20541515613754565b8483630e4bdb3760e01b5f5260045260245260445ffd5b846374cc4fed60e01b5f5260045260245ffd5b90805f52600a60205260405f205461382c5750612a789192613aef565b8390630e4bdb3760e01b5f5260045260245260445ffd5b9050612a789192613aef565b7facb25272d4b80bb32c7a3632956e4e9263cf71f7e9e7dacc965adbbb44ddd67560805f92838052600760205261390d6001600160401b0360408620805490613899838316612dbc565b946001820190815490602081519101206040519060208201928352436040830152426060830152898201528881526138d260a082612af7565b519020825467ffffffffffffffff60401b19861991909116888716171643861660401b67ffffffffffffffff60401b16179092559093849190565b558160405194168452814216602085015260401c1660408301526060820152a2565b9060807facb25272d4b80bb32c7a3632956e4e9263cf71f7e9e7dacc965adbbb44ddd67591835f52600760205261390d6001600160401b0360405f20805490613899838316612dbc565b90815f52600560205260405f20918254156139915750565b6312a3cb2360e31b5f5260045260245ffd5b906005811015612e0e5760051b0190565b60ff600354166139c057565b63d93c066560e01b5f5260045ffd5b90600181108015613a21575b6139e3575050565b60405163808861f960e01b81526080600482015292508291613a099060848401906129e8565b90602483015260016044830152608060648301520390fd5b50608081116139db565b9065ffffffffffff8091169116019065ffffffffffff821161108d57565b91613a5691819493613a82565b9160ff600384015416613a665750565b6001600160401b039063080f8c6d60e11b5f521660045260245ffd5b90916001600160401b03169182158015613ad9575b613ab457505f52600660205260405f20905f5260205260405f2090565b6001600160401b0360018492015416906319ec2ee560e01b5f5260045260245260445ffd5b506001600160401b036001820154168311613a97565b908115613b00575b612a7891613cdd565b600254916001600160a01b03831661029c576001600160a01b03199092166001600160a01b03821617600255613af7565b801561108d575f190190565b6002546001600160a01b038083169392613b61929091168414613bcf575b5f613d65565b915f8052600860205260405f20548380613bc6575b613b7e575050565b815f52600a60205260405f20613b948154613b31565b9055613b9f81612b18565b613ba7575050565b5f52600960205260405f20905f5260205260405f206137ac8154613b31565b50801515613b76565b600280546001600160a01b0319169055613b5b565b9190821580613c97575b613c82575b613bfd8184613d65565b92805f52600860205260405f2054908480613c79575b613c1c57505050565b6001600160a01b0383165f908152600a602052604090208054613c3e90613b31565b9055613c4982612b18565b03613c52575050565b5f52600960205260405f209060018060a01b03165f5260205260405f206137ac8154613b31565b50811515613c13565b600280546001600160a01b0319169055613bf3565b506002546001600160a01b03828116911614613bee565b65ffffffffffff8111613cc65765ffffffffffff1690565b6306dfcc6560e41b5f52603060045260245260445ffd5b5f818152602081815260408083206001600160a01b038616845290915290205460ff16613d5f575f818152602081815260408083206001600160a01b0395909516808452949091528120805460ff19166001179055339291907f2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d9080a4600190565b50505f90565b5f818152602081815260408083206001600160a01b038616845290915290205460ff1615613d5f575f818152602081815260408083206001600160a01b0395909516808452949091528120805460ff19169055339291907ff6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b9080a460019056fea26469706673582212204c42101a92d66a837ce12ef129a894437ad3165568c6b366d71223abbd29052e64736f6c63430008250033",
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
// Solidity: constructor(uint48 adminDelay, address admin, address pauser) returns()
func (firmwareRegistry *FirmwareRegistry) PackConstructor(adminDelay *big.Int, admin common.Address, pauser common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("", adminDelay, admin, pauser)
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
// Solidity: function grantRole(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) PackGrantRole(role [32]byte, account common.Address) []byte {
	enc, err := firmwareRegistry.abi.Pack("grantRole", role, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackGrantRole is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2f2ff15d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function grantRole(bytes32 role, address account) returns()
func (firmwareRegistry *FirmwareRegistry) TryPackGrantRole(role [32]byte, account common.Address) ([]byte, error) {
	return firmwareRegistry.abi.Pack("grantRole", role, account)
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
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["DuplicateKey"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackDuplicateKeyError(raw[4:])
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
	if bytes.Equal(raw[:4], firmwareRegistry.abi.Errors["OutOfBounds"].ID.Bytes()[:4]) {
		return firmwareRegistry.UnpackOutOfBoundsError(raw[4:])
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
