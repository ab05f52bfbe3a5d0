// SPDX-FileCopyrightText: 2026 The mapherd authors
// SPDX-License-Identifier: Apache-2.0

// scenes: what a Go program does with its mappings.
//
//	scenes chunks FILE COUNT   maps a file in chunks of 1 MiB, stores to some, unmaps them
//	scenes calls FILE          every call that package syscall has, and what it answers
//	scenes leak FILE           maps ten times in a function of its own, says "ready", waits for a line
//	scenes load FILE           maps 16 KiB, says "ready", waits for a line, loads each page
//	scenes store FILE          as load, and stores
//	scenes exec COMMAND...     runs a command, and becomes another program in the end
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const chunk = 1 << 20
const readWrite = syscall.PROT_READ | syscall.PROT_WRITE

func must(what string, err error) {
	if err != nil {
		fmt.Println(what, "fails:", err)
		os.Exit(1)
	}
}

func open(name string, size int64) *os.File {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0644)
	must("open", err)
	must("truncate", f.Truncate(size))
	return f
}

func maps() int {
	b, err := os.ReadFile("/proc/self/maps")
	must("maps", err)
	return strings.Count(string(b), "\n")
}

func mapAt(f *os.File, offset int64, size int) []byte {
	b, err := syscall.Mmap(int(f.Fd()), offset, size, readWrite, syscall.MAP_SHARED)
	must("mmap at "+strconv.FormatInt(offset, 10), err)
	return b
}

func chunks(name string, count int) {
	f := open(name, int64(count)*chunk)
	all := make([][]byte, 0, count)
	before := maps()
	for i := 0; i < count; i++ {
		b, err := syscall.Mmap(int(f.Fd()), int64(i)*chunk, chunk, readWrite, syscall.MAP_SHARED)
		if err != nil {
			fmt.Printf("chunk %d: %v\n", i, err)
			os.Exit(1)
		}
		all = append(all, b)
	}
	more := maps() - before
	one := make([]byte, 1)
	for i := 0; i < count; i += 100 {
		all[i][5] = byte(i/100 + 1)
		_, err := f.ReadAt(one, int64(i)*chunk+5)
		if err != nil || one[0] != byte(i/100+1) {
			fmt.Println("wrong byte in chunk", i, err)
			os.Exit(1)
		}
	}
	for _, b := range all {
		must("munmap", syscall.Munmap(b))
	}
	fmt.Printf("%d chunks: %d maps more\n", count, more)
}

func call(number, a, b, c, d, e, f uintptr) {
	r, _, err := syscall.Syscall6(number, a, b, c, d, e, f)
	if err != 0 {
		fmt.Println(number, "answers", err)
	} else if r < 4096 {
		fmt.Println(number, "answers", r)
	} else {
		fmt.Println(number, "answers an address")
	}
}

// The introduction to mapping a file: map, change, flush; anonymous executable memory; lock.
func calls(name string) {
	must("write", os.WriteFile(name, []byte(strings.Repeat("mapped\n", 2048)), 0644))
	f := open(name, 14336)
	b := mapAt(f, 0, 14336)
	fmt.Println(string(b[:7]), len(b), cap(b))
	copy(b, "change")
	_, _, err := syscall.Syscall(syscall.SYS_MSYNC, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), syscall.MS_SYNC)
	fmt.Println("msync", err)
	must("mlock", syscall.Mlock(b))
	must("munlock", syscall.Munlock(b))
	must("madvise", syscall.Madvise(b, syscall.MADV_DONTNEED))
	must("mprotect", syscall.Mprotect(b, syscall.PROT_READ))
	read, _ := os.ReadFile(name)
	fmt.Println(string(read[:7]), string(b[:7]))
	must("munmap", syscall.Munmap(b))
	fmt.Println("munmap again", syscall.Munmap(b))
	code, failed := syscall.Mmap(-1, 0, 4096, readWrite|syscall.PROT_EXEC, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	must("executable memory", failed)
	copy(code, []byte{0xb8, 42, 0, 0, 0, 0xc3}) // mov $42, %eax; ret
	fmt.Println("code", len(code), code[:6])
	must("munmap", syscall.Munmap(code))
	closed, _ := os.Open(name)
	closed.Close()
	_, failed = syscall.Mmap(-1, 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	fmt.Println("no file:", failed)
	_, failed = syscall.Mmap(int(f.Fd()), 1, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	fmt.Println("odd offset:", failed)
	call(syscall.SYS_MMAP, 0, 0, 0, syscall.MAP_PRIVATE|syscall.MAP_ANON, 0, 0)
	call(syscall.SYS_MMAP, 0, 8192, 3, syscall.MAP_PRIVATE|syscall.MAP_ANON, 0, 0)
	call(syscall.SYS_MREMAP, 4096, 4096, 8192, 1, 0, 0)
	call(syscall.SYS_MINCORE, 1, 1, 0, 0, 0, 0)
	call(syscall.SYS_MUNLOCKALL, 0, 0, 0, 0, 0, 0)
	call(syscall.SYS_MADVISE, 4096, 4096, 4, 0, 0, 0)
	call(syscall.SYS_SHMAT, ^uintptr(0), 0, 0, 0, 0, 0)
}

//go:noinline
func leaked(f *os.File, i int) []byte {
	return mapAt(f, int64(i)*chunk, chunk)
}

func ready() {
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
}

func touch(name string, store bool) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	must("open", err)
	b := mapAt(f, 0, 16384)
	ready()
	sum := 0
	for at := 0; at < len(b); at += 4096 {
		if store {
			b[at] = 's'
		}
		sum += int(b[at])
	}
	fmt.Println("done", sum)
}

func main() {
	args := os.Args
	switch args[1] {
	case "chunks":
		count, err := strconv.Atoi(args[3])
		must("count", err)
		chunks(args[2], count)
	case "calls":
		calls(args[2])
	case "leak":
		f := open(args[2], 10*chunk)
		for i := 0; i < 10; i++ {
			leaked(f, i)
		}
		ready()
	case "load", "store":
		touch(args[2], args[1] == "store")
	case "exec":
		out, err := exec.Command(args[2], args[3:]...).CombinedOutput()
		fmt.Print(string(out))
		must("command", err)
		must("exec", syscall.Exec("/bin/echo", []string{"echo", "another", "program"}, os.Environ()))
	}
}
