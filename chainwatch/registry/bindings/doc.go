// Package bindings is generated from the compiled registry contract: how its
// calls, answers, events and errors are encoded, and its deployment code.
// Package registry puts words to it; tests take it as the second opinion on
// the camera's own decoder.
package bindings

//go:generate go run ../internal/bindgen ../../contracts/FirmwareRegistry.json bindings bindings.go
