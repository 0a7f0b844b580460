// Command bindgen writes Go bindings of the one contract in an artefact, a
// file in the format of `solc --combined-json`:
//
//	bindgen ARTEFACT PACKAGE OUT
//
// It calls the library behind `abigen --v2 --combined-json`; the command
// itself would add dozens of modules to go.mod.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi/abigen"
	"github.com/ethereum/go-ethereum/common/compiler"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bindgen ARTEFACT PACKAGE OUT")
		os.Exit(2)
	}
	code, err := generate(os.Args[1], os.Args[2])
	if err == nil {
		err = os.WriteFile(os.Args[3], []byte(code), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// generate returns the source of the bindings, in package pkg.
func generate(artefact, pkg string) (string, error) {
	text, err := os.ReadFile(artefact)
	if err != nil {
		return "", err
	}
	contracts, err := compiler.ParseCombinedJSON(text, "", "", "", "")
	if err != nil {
		return "", fmt.Errorf("%s: %w", artefact, err)
	}
	if len(contracts) != 1 {
		return "", fmt.Errorf("%s holds %d contracts, want one", artefact, len(contracts))
	}
	var kinds, abis, codes []string
	for name, contract := range contracts {
		abi, err := json.Marshal(contract.Info.AbiDefinition)
		if err != nil {
			return "", fmt.Errorf("%s: %w", artefact, err)
		}
		kinds = append(kinds, name[strings.LastIndexByte(name, ':')+1:])
		abis = append(abis, string(abi))
		codes = append(codes, contract.Code)
	}
	return abigen.BindV2(kinds, abis, codes, pkg, nil, nil)
}
