package did

// Limits on documents, beside [verify.MaxDocumentSize].
const (
	MaxMethods = 64  // verification methods in one document, and entries of one relationship
	maxDepth   = 8   // arrays and objects within one another
	maxURL     = 256 // bytes of a verification method's id
	maxKeyText = 130 // characters of a key, more than any form needs
)
