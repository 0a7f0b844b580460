// The tests here hold the rules of docs/ARCHITECTURE.md that bind the whole
// module; no package could hold them alone.
package camswarm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "camswarm"

// A pkg is what go list says of one of our packages.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string // without tests, with build constraints applied
	Imports    []string // of GoFiles
}

// name is the package's path within the module.
func (p pkg) name() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// listPackages asks go list about every package of the module, for a 64-bit and
// a 32-bit target, and joins the answers: the metadata store differs by target.
func listPackages(t *testing.T) map[string]pkg {
	t.Helper()
	all := map[string]pkg{}
	for _, arch := range []string{"amd64", "arm"} {
		cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "./...")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, stderr.String())
		}
		dec := json.NewDecoder(bytes.NewReader(out))
		for {
			var p pkg
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if len(p.GoFiles) == 0 {
				continue // tests only
			}
			before := all[p.name()]
			p.GoFiles = union(before.GoFiles, p.GoFiles)
			p.Imports = union(before.Imports, p.Imports)
			all[p.name()] = p
		}
	}
	if len(all) < 5 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

func union(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return slices.Compact(out)
}

// anything in the second column frees a package from the rule.
const anything = "any"

// importTable reads the table of docs/ARCHITECTURE.md under the header
// "| package | may import |". A row names a package of ours and those of ours
// that it imports; an empty cell stands for none.
func importTable(t *testing.T) map[string][]string {
	t.Helper()
	data, err := os.ReadFile("docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	cells := func(line string) []string {
		parts := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		return parts
	}
	table := map[string][]string{}
	in := false
	for line := range strings.Lines(string(data)) {
		switch {
		case !strings.HasPrefix(strings.TrimSpace(line), "|"):
			in = false
		case !in:
			c := cells(line)
			in = len(c) >= 2 && c[0] == "package" && c[1] == "may import"
		default:
			c := cells(line)
			if strings.Trim(c[0], "-: ") == "" {
				continue // the rule under the header
			}
			name := strings.Trim(c[0], "`")
			if _, twice := table[name]; twice {
				t.Errorf("docs/ARCHITECTURE.md: package %s stands twice in the import table", name)
			}
			imports := []string{}
			for s := range strings.SplitSeq(c[1], ",") {
				if s = strings.Trim(strings.TrimSpace(s), "`"); s != "" {
					imports = append(imports, s)
				}
			}
			slices.Sort(imports)
			table[name] = imports
		}
	}
	if len(table) == 0 {
		t.Fatal(`docs/ARCHITECTURE.md has no table with the header "| package | may import |"`)
	}
	return table
}

// TestPackagesLiveInTheKnownFolders keeps the module's top level as it was agreed:
// another folder is for what is no package of the product.
func TestPackagesLiveInTheKnownFolders(t *testing.T) {
	known := []string{"node", "swarm", "announce", "gc", "verify", "chainwatch", "sim", "cmd"}
	for name := range listPackages(t) {
		if top, _, _ := strings.Cut(name, "/"); !slices.Contains(known, top) {
			t.Errorf("package %s is outside of %s", name, strings.Join(known, ", "))
		}
	}
}

// TestImportsAmongOurPackagesAreThoseOfTheTable holds the tiers: an arrow that
// the document does not show may not appear in the code, and one that the code
// no longer has may not stay in the document.
func TestImportsAmongOurPackagesAreThoseOfTheTable(t *testing.T) {
	table := importTable(t)
	packages := listPackages(t)
	for name, p := range packages {
		want, ok := table[name]
		if !ok {
			t.Errorf("package %s is missing from the import table of docs/ARCHITECTURE.md", name)
			continue
		}
		if slices.Equal(want, []string{anything}) {
			continue
		}
		got := []string{}
		for _, imp := range p.Imports {
			if rest, ours := strings.CutPrefix(imp, module+"/"); ours {
				got = append(got, rest)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("package %s imports %v of ours, the table says %v", name, got, want)
		}
	}
	for name := range table {
		if _, ok := packages[name]; !ok {
			t.Errorf("the import table names package %s, which does not exist", name)
		}
	}
}

// confined lists what only some packages may import in code that is not a test.
// The reasons are size, soundness or the independence of the mechanisms.
var confined = []struct {
	imports string   // this import path or anything below it
	only    []string // packages, or directories ending in "/"
	why     string
}{
	{"github.com/ethereum/go-ethereum", []string{"chainwatch/registry", "chainwatch/registry/", "chainwatch/devchain", "chainwatch/devchain/"}, "it adds 5 MB to a camera and reads hostile answers without a bound"},
	{"gonum.org/v1/plot", []string{"sim/report/figure"}, "figures are for researchers"},
	{"github.com/marcopolo/simnet", []string{}, "the lines of sim/links replaced it"},
	{"github.com/ipfs/boxo", []string{"swarm", "swarm/filestore", "swarm/p2p", "sim/baseline", "sim/hostile", "cmd/camswarm"}, "the swarm alone knows how blocks move; the simulator plays strangers with it, the tool asks pinning services"},
	{"github.com/libp2p/go-libp2p-kad-dht", []string{"swarm/p2p", "sim/hostile"}, "the network alone knows how peers are found"},
	{"github.com/libp2p/go-libp2p-pubsub", []string{"announce", "sim/hostile"}, "announce alone knows how hints travel"},
	{"github.com/dgraph-io/badger", []string{"node/metastore"}, "it is unsound on 32-bit, MIPS and RISC-V targets"},
	{"github.com/ipfs/go-ds-badger4", []string{"node/metastore"}, "it is unsound on 32-bit, MIPS and RISC-V targets"},
	{"github.com/syndtr/goleveldb", []string{"node/metastore"}, "what keeps metadata is chosen in one place"},
	{"github.com/ipfs/go-ds-leveldb", []string{"node/metastore"}, "what keeps metadata is chosen in one place"},
	{"github.com/veraison/go-cose", []string{"verify/sign"}, "devices check signatures and never make them"},
	{module + "/verify/sign", []string{"chainwatch/registry", "chainwatch/registry/", "cmd/camswarm", "cmd/internal/token", "sim/"}, "secret keys are for tools"},
	{"github.com/spf13/cobra", []string{"cmd/camswarm", "cmd/camsim", "cmd/internal/cli"}, "camera bytes matter"},
	{"testing", []string{"sim", "sim/"}, "test code does not belong into programs"},
	{"net/http/pprof", nil, "it registers handlers on a process global"},
}

func TestHeavyAndUnsoundDependenciesStayWhereTheyBelong(t *testing.T) {
	for name, p := range listPackages(t) {
		for _, imp := range p.Imports {
			for _, rule := range confined {
				if imp != rule.imports && !strings.HasPrefix(imp, rule.imports+"/") {
					continue
				}
				allowed := slices.ContainsFunc(rule.only, func(o string) bool {
					return name == o || strings.HasSuffix(o, "/") && strings.HasPrefix(name, o)
				})
				if !allowed {
					t.Errorf("package %s imports %s: %s", name, imp, rule.why)
				}
			}
		}
	}
}

// TestThePlanNeedsNothingButTheStandardLibrary holds that scheduling stays a pure
// function of what it is told, which a simulator can run by the thousand.
func TestThePlanNeedsNothingButTheStandardLibrary(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./swarm/plan").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); !slices.Equal(got, []string{module + "/swarm/plan"}) {
		t.Errorf("swarm/plan depends on %v", got)
	}
}

// TestVerifyDoesNoIO holds that the rules of genuineness depend on nothing but
// their arguments.
func TestVerifyDoesNoIO(t *testing.T) {
	for _, imp := range listPackages(t)["verify"].Imports {
		for _, bad := range []string{"os", "net", "net/http", "syscall", "log", "log/slog", "path/filepath"} {
			if imp == bad {
				t.Errorf("verify imports %s, but it does no I/O of its own", imp)
			}
		}
		if strings.HasPrefix(imp, "github.com/libp2p/") {
			t.Errorf("verify imports %s, but it knows no network", imp)
		}
	}
}

// TestCamerasLinkNoTools holds that what signs, transacts or reads other
// people's documents weighs on no camera and cannot matter to one.
func TestCamerasLinkNoTools(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/camswarmd")
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, module+"/chainwatch") {
		t.Fatal("go list does not name what a camera links")
	}
	for _, tool := range []string{"verify/did", "verify/sign", "chainwatch/did", "chainwatch/registry", "chainwatch/devchain"} {
		if slices.Contains(deps, module+"/"+tool) {
			t.Errorf("camswarmd links %s, which is for tools", tool)
		}
	}
}

// TestDatabasesAreOpenedInTheStoreOnly holds that opening Badger on a
// target where it corrupts data cannot be got wrong elsewhere.
func TestDatabasesAreOpenedInTheStoreOnly(t *testing.T) {
	eachFile(t, parser.ImportsOnly, func(path string, file *ast.File) {
		for _, imp := range file.Imports {
			p := strings.Trim(imp.Path.Value, `"`)
			if (strings.Contains(p, "badger") || strings.Contains(p, "leveldb")) && !strings.HasPrefix(path, "node/metastore/") {
				t.Errorf("%s imports %s; only node/metastore may", path, p)
			}
		}
	})
}

// TestEveryPackageHasOnePackageComment holds that each package says once why it
// exists.
func TestEveryPackageHasOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	eachFile(t, parser.ParseComments|parser.PackageClauseOnly, func(path string, file *ast.File) {
		dir := filepath.Dir(path)
		if strings.HasSuffix(path, "_test.go") || file.Doc == nil {
			return
		}
		comments[dir] = append(comments[dir], path)
		if base := filepath.Base(path); base != "doc.go" && base != "main.go" {
			t.Errorf("%s: the package comment belongs into doc.go or main.go", path)
		}
	})
	for name, p := range listPackages(t) {
		rel := name
		if rel == "" {
			rel = "."
		}
		if n := len(comments[rel]); n != 1 {
			t.Errorf("package %s (%s) has %d package comments, it must have one: %v", name, p.ImportPath, n, comments[rel])
		}
	}
}

// TestEveryConfigFieldIsDocumented holds that an operator finds the unit and the
// effect of whatever can be set. A field that is itself a configuration is
// documented by its type; one that the comment above it speaks of by name is
// documented there.
func TestEveryConfigFieldIsDocumented(t *testing.T) {
	found := 0
	eachFile(t, parser.ParseComments, func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || !spec.Name.IsExported() || !strings.HasSuffix(spec.Name.Name, "Config") {
				return true
			}
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			found++
			above := ""
			for _, field := range structure.Fields.List {
				if field.Doc != nil {
					above = field.Doc.Text()
				}
				if field.Doc != nil || field.Comment != nil || strings.HasSuffix(typeName(field.Type), "Config") {
					continue
				}
				for _, name := range field.Names {
					if name.IsExported() && !regexp.MustCompile(`\b`+name.Name+`\b`).MatchString(above) {
						t.Errorf("%s: %s.%s has no comment", path, spec.Name.Name, name.Name)
					}
				}
			}
			return true
		})
	})
	if found == 0 {
		t.Error("no Config type found: the test looks in the wrong place")
	}
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// TestEveryFuzzTargetHasACorpus holds that fuzzing starts from inputs that reach
// the decoder's depths: files in testdata/fuzz, or seeds that the target adds.
func TestEveryFuzzTargetHasACorpus(t *testing.T) {
	found := 0
	eachFile(t, 0, func(path string, file *ast.File) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			found++
			files, _ := os.ReadDir(filepath.Join(filepath.Dir(path), "testdata", "fuzz", fn.Name.Name))
			if len(files) == 0 && !addsSeeds(fn) {
				t.Errorf("%s: %s has no corpus", path, fn.Name.Name)
			}
		}
	})
	if found == 0 {
		t.Error("no fuzz target found: the test looks in the wrong place")
	}
}

func addsSeeds(fn *ast.FuncDecl) (adds bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Add" {
			adds = true
		}
		return !adds
	})
	return adds
}

// eachFile parses every Go file of the module.
func eachFile(t *testing.T, mode parser.Mode, visit func(path string, file *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	walk(t, func(path string) {
		if filepath.Ext(path) != ".go" {
			return
		}
		file, err := parser.ParseFile(fset, path, nil, mode)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		visit(path, file)
	})
}

// walk visits every file of the module that is ours.
func walk(t *testing.T, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != "." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		visit(path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	markdownLink = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	fencedBlock  = regexp.MustCompile("(?s)```.*?```")
)

// TestDocumentLinksPointToFiles holds that a reader who follows a relative link
// arrives.
func TestDocumentLinksPointToFiles(t *testing.T) {
	walk(t, func(path string) {
		if filepath.Ext(path) != ".md" {
			return
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range markdownLink.FindAllSubmatch(fencedBlock.ReplaceAll(data, nil), -1) {
			target := string(m[1])
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, target)
			}
		}
	})
}

var (
	threatFunc = regexp.MustCompile(`^(?:Test|Benchmark)Threat[A-Z]\w*$`)
	threatName = regexp.MustCompile("`(TestThreat\\w+)`")
)

// TestThreatsAreDocumented holds docs/SECURITY.md to the tests: every test that it
// names exists, and every threat that has a test stands there. A test TestThreatX_Variant
// is one more of TestThreatX.
func TestThreatsAreDocumented(t *testing.T) {
	tested := map[string]bool{}
	eachFile(t, 0, func(path string, file *ast.File) {
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasSuffix(path, "_test.go") && threatFunc.MatchString(fn.Name.Name) {
				name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(fn.Name.Name, "Benchmark"), "Test"), "_")
				tested["Test"+name] = true
			}
		}
	})
	data, err := os.ReadFile("docs/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range threatName.FindAllSubmatch(data, -1) {
		name := string(m[1])
		documented[name] = true
		if !tested[name] {
			t.Errorf("docs/SECURITY.md names %s, which does not exist", name)
		}
	}
	for name := range tested {
		if !documented[name] {
			t.Errorf("%s does not stand in docs/SECURITY.md", name)
		}
	}
	if len(tested) == 0 {
		t.Error("no threat test found: the test looks in the wrong place")
	}
}

// TestTestsListenOnFreePortsOfLoopback holds that tests disturb nobody and nothing
// disturbs them: what they listen on is an address of this machine alone, with a port
// that the system chooses. It sees addresses that stand in the call as they are;
// those on simulated lines are computed.
func TestTestsListenOnFreePortsOfLoopback(t *testing.T) {
	listens := map[string]bool{
		"Listen": true, "ListenPacket": true, "ListenAndServe": true, "ListenAndServeTLS": true,
		"ListenAddrStrings": true,
	}
	fine := regexp.MustCompile(`^((127\.0\.0\.1|localhost|\[::1\]):0|/ip4/127\.0\.0\.1/(tcp|udp)/0(/.*)?|/ip6/::1/(tcp|udp)/0(/.*)?|tcp|tcp4|tcp6|udp|udp4|udp6|unix|unixgram)$`)
	files, calls := token.NewFileSet(), 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			if err == nil && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return err
		}
		f, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !listens[sel.Sel.Name] {
				return true
			}
			unix := false
			for _, arg := range call.Args {
				lit, ok := arg.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					continue
				}
				calls++
				text := strings.Trim(lit.Value, "`\"")
				unix = unix || strings.HasPrefix(text, "unix")
				if !unix && !fine.MatchString(text) {
					t.Errorf("%s: a test listens on %s; take 127.0.0.1 and port 0", files.Position(lit.Pos()), lit.Value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls < 5 {
		t.Fatalf("only %d addresses were found: the test looks in the wrong place", calls)
	}
}

// TestNoLockIsHeldAcrossWhatMayWait holds the rule that a camera which stood still
// taught: in the packages that own a node's state nothing is called between a Lock
// and its Unlock but what only computes. It reads statements, not types: a call is
// let through by its name.
func TestNoLockIsHeldAcrossWhatMayWait(t *testing.T) {
	computes := regexp.MustCompile(`^(append|cap|clear|close|copy|delete|len|make|max|min|new|u?int(8|16|32|64)?|string|` +
		`time\.(Now|Since|Until)|(errors|slices|maps|strings|strconv|bytes|fmt)\.\w+|.*\.(Add|Sub|Before|After|Compare|IsZero|Done|Load|Store))$`)
	excepted := map[string]string{
		"gc/reserve.go": "collections alone take it, which are there to wait for the disk",
	}
	sections := 0
	check := func(path string, fset *token.FileSet, list []ast.Stmt) {
		locked := ""
		for _, stmt := range list {
			if call, name := lockCall(stmt); call != "" {
				switch name {
				case "Lock", "RLock":
					locked = call
					sections++
					continue
				case "Unlock", "RUnlock":
					if call == locked {
						locked = ""
					}
					continue
				}
			}
			if d, ok := stmt.(*ast.DeferStmt); ok {
				if sel, ok := d.Call.Fun.(*ast.SelectorExpr); ok && strings.HasSuffix(sel.Sel.Name, "nlock") {
					continue
				}
			}
			if locked == "" {
				continue
			}
			ast.Inspect(stmt, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.FuncLit:
					return false // runs later
				case *ast.GoStmt:
					return false
				case *ast.SendStmt:
					t.Errorf("%s: something is sent while %s is held", fset.Position(n.Pos()), locked)
				case *ast.CallExpr:
					if name := exprText(n.Fun); !computes.MatchString(name) && !strings.HasPrefix(name, locked+".") {
						t.Errorf("%s: %s is called while %s is held", fset.Position(n.Pos()), name, locked)
					}
				}
				return true
			})
		}
	}
	for name := range listPackages(t) {
		if name != "gc" && name != "node" {
			continue
		}
		paths, err := filepath.Glob(filepath.Join(name, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") || excepted[filepath.ToSlash(path)] != "" {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if block, ok := n.(*ast.BlockStmt); ok {
					check(path, fset, block.List)
				}
				return true
			})
		}
	}
	if sections == 0 {
		t.Error("no lock found: the test looks in the wrong place")
	}
}

// lockCall returns what a statement locks or unlocks, and which of both.
func lockCall(stmt ast.Stmt) (what, method string) {
	e, ok := stmt.(*ast.ExprStmt)
	if !ok {
		return "", ""
	}
	call, ok := e.X.(*ast.CallExpr)
	if !ok {
		return "", ""
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Lock", "RLock", "Unlock", "RUnlock"}, sel.Sel.Name) {
		return "", ""
	}
	return exprText(sel.X), sel.Sel.Name
}

// exprText writes the names of an expression.
func exprText(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprText(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return exprText(e.Fun)
	case *ast.IndexExpr:
		return exprText(e.X)
	case *ast.ParenExpr:
		return exprText(e.X)
	}
	return "?"
}
