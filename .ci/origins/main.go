// Command origins reads an image from real servers, as a node reads it from an origin:
// S3-compatible ones (gofakes3, and s3rver where node_modules has it), nginx where it
// is installed, and an IPFS gateway (boxo's) by the flat file and by single blocks. For
// each it prints what came of the whole file, of ranges read side by side, of a file
// that is missing, that is another, and that changes meanwhile.
//
//	go -C .ci/origins run . [-need nginx,s3rver]
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/gateway"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/prometheus/client_golang/prometheus"

	"camswarm/swarm/origin"
	"camswarm/verify"
)

// A server holds files. put stores one and returns its URL.
type server struct {
	name    string
	put     func(name string, data []byte) (url string, err error)
	missing string // URL of a file that is not there
	stop    func()
}

func main() {
	log.SetFlags(0)
	need := flag.String("need", "", "servers that must be there, by commas: nginx, s3rver")
	flag.Parse()
	dir, err := os.MkdirTemp("", "origins-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	image := make([]byte, 6_200_000)
	_, _ = rand.Read(image)

	failed := false
	fmt.Printf("%-22s%-10s%-12s%-10s%-10s%s\n", "server", "whole", "ranges", "missing", "another", "changed")
	for _, start := range []func(dir string) (*server, error){fakeS3, s3rver, nginx} {
		s, err := start(dir)
		if errors.Is(err, exec.ErrNotFound) {
			name := strings.TrimSuffix(strings.Fields(err.Error())[0], ":")
			fmt.Printf("%-22snot installed\n", name)
			if strings.Contains(","+*need+",", ","+name+",") {
				failed = true
			}
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		failed = !s.check(image) || failed
		s.stop()
	}
	failed = !checkGateway(image) || failed
	if failed {
		os.Exit(1)
	}
}

// check prints a row and reports whether it is as it should be.
func (s *server) check(image []byte) bool {
	url, err := s.put("image.bin", image)
	if err != nil {
		log.Fatalf("%s: %v", s.name, err)
	}
	size := int64(len(image))
	whole := outcome(readAll(open(url, size), image))
	ranges := outcome(readRanges(open(url, size), image))
	missing := outcome(readAll(open(s.missing, size), image))
	another := outcome(readRanges(open(url, size+1), append(bytes.Clone(image), 0)))
	// The file is replaced between two requests of one reader.
	f := open(url, size)
	if err := readAt(f, image, 0, 100_000); err != nil {
		log.Fatalf("%s: %v", s.name, err)
	}
	time.Sleep(1100 * time.Millisecond) // nginx makes its ETag of seconds and length
	other := bytes.Clone(image)
	other[0] ^= 1
	if _, err := s.put("image.bin", other); err != nil {
		log.Fatalf("%s: %v", s.name, err)
	}
	changed := outcome(readAt(f, image, 100_000, 100_000))
	fmt.Printf("%-22s%-10s%-12s%-10s%-10s%s\n", s.name, whole, ranges, missing, another, changed)
	return whole == "ok" && ranges == "ok" && missing == "missing" && another == "other" && changed == "other"
}

func open(url string, size int64) *origin.File {
	f, err := origin.New(url, size, origin.Client(nil))
	if err != nil {
		log.Fatal(err)
	}
	return f
}

// source is what both kinds of origin do.
type source interface {
	Read(ctx context.Context, off, n int64, take func([]byte) error) error
}

func readAt(f source, image []byte, off, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	at := off
	err := f.Read(ctx, int64(off), int64(n), func(p []byte) error {
		if at+len(p) > len(image) || !bytes.Equal(p, image[at:at+len(p)]) {
			return errors.New("wrong bytes")
		}
		at += len(p)
		return nil
	})
	if err == nil && at != off+n {
		err = fmt.Errorf("%d bytes of %d", at-off, n)
	}
	return err
}

func readAll(f source, image []byte) error { return readAt(f, image, 0, len(image)) }

// readRanges reads ranges of 512 KiB, four at a time.
func readRanges(f source, image []byte) error {
	const step = 512 << 10
	slots := make(chan struct{}, 4)
	errs := make(chan error, len(image)/step+1)
	var wg sync.WaitGroup
	for off := 0; off < len(image); off += step {
		wg.Go(func() {
			slots <- struct{}{}
			errs <- readAt(f, image, off, min(step, len(image)-off))
			<-slots
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, origin.ErrMissing):
		return "missing"
	case errors.Is(err, origin.ErrOther):
		return "other"
	case errors.Is(err, origin.ErrWhole):
		return "whole"
	}
	return err.Error()
}

func fakeS3(string) (*server, error) {
	backend := s3mem.New()
	if err := backend.CreateBucket("fw"); err != nil {
		return nil, err
	}
	h := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	return &server{name: "gofakes3", missing: h.URL + "/fw/none.bin", stop: h.Close, put: func(name string, data []byte) (string, error) {
		return h.URL + "/fw/" + name, put(h.URL+"/fw/"+name, data)
	}}, nil
}

// put stores a file as S3's PUT does.
func put(url string, data []byte) error {
	req, err := http.NewRequest(http.MethodPut, url, bytes.NewReader(data))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("PUT: %s", resp.Status)
	}
	return nil
}

// freePort is a port that nobody uses now. Servers that cannot say which port they
// were given are told one.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// run starts a program and waits until it answers.
func run(port int, name string, args ...string) (stop func(), err error) {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop = func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = c.Close()
			return stop, nil
		}
		if time.Since(began) > time.Minute {
			stop()
			return nil, fmt.Errorf("%s does not answer: %w", name, err)
		}
	}
}

func s3rver(dir string) (*server, error) {
	bin, err := filepath.Abs("node_modules/.bin/s3rver")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(bin); err != nil {
		return nil, fmt.Errorf("s3rver: %w", exec.ErrNotFound)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	stop, err := run(port, bin, "--directory", filepath.Join(dir, "s3rver"), "--address", "127.0.0.1", "--port", fmt.Sprint(port), "--silent", "--configure-bucket", "fw")
	if err != nil {
		return nil, err
	}
	base := fmt.Sprintf("http://127.0.0.1:%d/fw/", port)
	// Written as the owner of the bucket would: s3rver's own development key.
	return &server{name: "s3rver", missing: base + "none.bin", stop: stop, put: func(name string, data []byte) (string, error) {
		return base + name, put(base+name, data)
	}}, nil
}

func nginx(dir string) (*server, error) {
	bin, err := exec.LookPath("nginx")
	if err != nil {
		return nil, fmt.Errorf("nginx: %w", exec.ErrNotFound)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, "nginx")
	for _, d := range []string{"www", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil { // its workers run as another user
		return nil, err
	}
	conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr crit;
events {}
http {
  access_log off; client_body_temp_path %[1]s/tmp; proxy_temp_path %[1]s/tmp; fastcgi_temp_path %[1]s/tmp; uwsgi_temp_path %[1]s/tmp; scgi_temp_path %[1]s/tmp;
  server { listen 127.0.0.1:%[2]d; root %[1]s/www; }
}
`, root, port)
	file := filepath.Join(root, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	stop, err := run(port, bin, "-c", file, "-p", root, "-e", "stderr")
	if err != nil {
		return nil, err
	}
	base := fmt.Sprintf("http://127.0.0.1:%d/", port)
	return &server{name: "nginx", missing: base + "none.bin", stop: stop, put: func(name string, data []byte) (string, error) {
		return base + name, os.WriteFile(filepath.Join(root, "www", name), data, 0o644)
	}}, nil
}

// checkGateway reads from boxo's gateway: the flat file where it joins blocks, single
// blocks where it is trustless.
func checkGateway(image []byte) bool {
	info, err := verify.DescribeImage(bytes.NewReader(image), verify.DefaultBlockSize)
	if err != nil {
		log.Fatal(err)
	}
	store := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	keep := func(b blocks.Block, err error) {
		if err == nil {
			err = store.Put(context.Background(), b)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	for i, d := range info.Blocks {
		off := i * int(info.BlockSize)
		keep(blocks.NewBlockWithCid(image[off:off+info.BlockLen(i)], verify.RawCID(d)))
	}
	for _, n := range info.Nodes() {
		keep(blocks.NewBlockWithCid(n.Data, n.CID))
	}
	good := true
	for _, joins := range []bool{true, false} {
		backend, err := gateway.NewBlocksBackend(blockservice.New(store, offline.Exchange(store)))
		if err != nil {
			log.Fatal(err)
		}
		h := httptest.NewServer(gateway.NewHandler(gateway.Config{DeserializedResponses: joins, MetricsRegistry: prometheus.NewRegistry()}, backend))
		size := int64(len(image))
		if joins {
			url := h.URL + "/ipfs/" + info.Root.String()
			whole, ranges := outcome(readAll(open(url, size), image)), outcome(readRanges(open(url, size), image))
			missing := outcome(readAll(open(h.URL+"/ipfs/"+verify.RawCID([32]byte{1}).String(), size), image))
			fmt.Printf("%-22s%-10s%-12s%-10s%-10s%s\n", "boxo gateway, {root}", whole, ranges, missing, "-", "-")
			good = good && whole == "ok" && ranges == "ok" && missing != "ok"
		} else {
			b, err := origin.NewBlocks("gateway", size, int64(info.BlockSize), func(i int) string {
				return h.URL + "/ipfs/" + verify.RawCID(info.Blocks[i]).String() + "?format=raw"
			}, origin.Client(nil))
			if err != nil {
				log.Fatal(err)
			}
			whole, ranges := outcome(readAll(b, image)), outcome(readRanges(b, image))
			fmt.Printf("%-22s%-10s%-12s%-10s%-10s%s\n", "boxo gateway, {block}", whole, ranges, "-", "-", "-")
			good = good && whole == "ok" && ranges == "ok"
		}
		h.Close()
	}
	return good
}
