// SPDX-FileCopyrightText: 2026 The mapherd authors
// SPDX-License-Identifier: Apache-2.0

// stress FILE SECONDS: eight goroutines map, store, check and unmap, beside collections, a profile, signals, forks, and
// stacks that grow.
package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const chunk = 1 << 20
const parts = 512

var pairs, execs, collections int64
var owner [parts]sync.Mutex

func must(what string, err error) {
	if err != nil {
		panic(what + ": " + err.Error())
	}
}

//go:noinline
func deep(n int) int {
	var a [64]int
	if n == 0 {
		return 0
	}
	a[n%64] = n
	return deep(n-1) + a[n%64]
}

func pair(f *os.File, r *rand.Rand) {
	i := r.Intn(parts)
	owner[i].Lock()
	defer owner[i].Unlock()
	b, err := syscall.Mmap(int(f.Fd()), int64(i)*chunk, chunk, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	must("mmap", err)
	value, at := byte(r.Intn(256)), r.Intn(chunk)
	b[at] = value
	one := make([]byte, 1)
	_, err = f.ReadAt(one, int64(i)*chunk+int64(at))
	must("read", err)
	if one[0] != value || b[at] != value {
		panic(fmt.Sprint("wrong byte in part ", i, " at ", at))
	}
	switch r.Intn(8) {
	case 0, 1:
		must("madvise", syscall.Madvise(b, syscall.MADV_DONTNEED))
	case 2:
		must("mprotect", syscall.Mprotect(b[:4096], syscall.PROT_READ))
	case 3:
		deep(r.Intn(200))
	}
	must("munmap", syscall.Munmap(b))
	atomic.AddInt64(&pairs, 1)
}

func main() {
	seconds, err := strconv.Atoi(os.Args[2])
	must("seconds", err)
	f, err := os.OpenFile(os.Args[1], os.O_RDWR|os.O_CREATE, 0644)
	must("open", err)
	must("truncate", f.Truncate(parts*chunk))
	var profile bytes.Buffer
	must("profile", pprof.StartCPUProfile(&profile))
	signals := make(chan os.Signal, 100)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		for range signals {
		}
	}()
	stop := time.Now().Add(time.Duration(seconds) * time.Second)
	var all sync.WaitGroup
	repeat := func(what func()) {
		all.Add(1)
		go func() {
			defer all.Done()
			for time.Now().Before(stop) {
				what()
			}
		}()
	}
	for g := 0; g < 8; g++ {
		r := rand.New(rand.NewSource(int64(g)))
		repeat(func() { pair(f, r) })
	}
	repeat(func() {
		var kept [][]byte
		for i := 0; i < 2000; i++ {
			kept = append(kept, make([]byte, 100+i))
		}
		runtime.GC()
		runtime.KeepAlive(kept)
		atomic.AddInt64(&collections, 1)
	})
	repeat(func() {
		out, err := exec.Command("/bin/echo", "hi").Output()
		must("echo", err)
		if string(out) != "hi\n" {
			panic("echo says " + string(out))
		}
		atomic.AddInt64(&execs, 1)
	})
	repeat(func() {
		must("kill", syscall.Kill(os.Getpid(), syscall.SIGUSR1))
		time.Sleep(time.Millisecond)
	})
	// A child with namespaces of its own, where that may be, is made by a fork that copies the memory.
	repeat(func() {
		c := exec.Command("/bin/true")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
		c.Run()
		time.Sleep(20 * time.Millisecond)
	})
	all.Wait()
	pprof.StopCPUProfile()
	fmt.Printf("ok: %d pairs, %d execs, %d collections, a profile of %d bytes\n", pairs, execs, collections, profile.Len())
}
