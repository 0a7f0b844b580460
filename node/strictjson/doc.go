// Package strictjson decodes JSON of which every byte must be understood.
package strictjson
