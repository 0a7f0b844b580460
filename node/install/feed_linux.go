package install

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// noWriter fails if a file is open for writing, by whatever process: the kernel then
// refuses a lease for reading (fcntl(2), F_SETLEASE). File systems that know no leases
// cannot tell.
func noWriter(f *os.File) error {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if errors.Is(err, unix.EAGAIN) {
		return errors.New("it is open for writing; end the process that has it")
	}
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
		return err
	}
	return nil
}
