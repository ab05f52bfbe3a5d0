# SPDX-FileCopyrightText: 2026 The mapherd authors
# SPDX-License-Identifier: Apache-2.0
#
# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034 # programs of other languages in quotes; variables of world.sh
# The table of real programs. A new one is an entry here: a line "program", and a function run_NAME ("-" and "." are "_").
#
#   program NAME "NEED..." [WHAT]      NEED: a Debian package, the one whose version is shown first; or a path, with
#                                      a / in it and maybe a *. WHAT is compared besides output and exit status
#   run_NAME                           is run in an empty folder, with set -e. What it leaves in kept/ is the data. In a shell that
#                                      has the library for what it starts
#   make_NAME                          makes what it reads, once, in $MADE, without the library
#   ends NAME STATUS                   its exit status, if that is not 0
#   normal NAME WHY SCRIPT             it differs from itself, run alone: what SCRIPT (sed -E) makes the same in out, err
#                                      and the files kept/*.txt
#   named NAME MODE PART WHY           a difference that the manual names
#   without NAME "PROGRAM..." WHY      programs that it starts and that the library cannot get into
#
# What a program starts is over when run_NAME ends: servers are asked to end and waited for.

world_names=""
world_beyond="programs that the library is not in: static ones (mapherd run says so of them); programs of other \
libcs and word sizes"

key_of() { printf '%s' "$1" | tr '.-' '__'; }
program() { world_names="$world_names $1"; eval "world_needs_$(key_of "$1")=\$2"; }
ends() { eval "world_status_$(key_of "$1")=\$2"; }
normal() { eval "world_why_$(key_of "$1")=\$2 world_normal_$(key_of "$1")=\$3"; }
named() { eval "world_named_$(key_of "$1")_$2_$3=\$4"; }
without() { eval "world_without_$(key_of "$1")=\$2"; }
needs_of() { eval "printf %s \"\${world_needs_$(key_of "$1")}\""; }
status_of() { eval "printf %s \"\${world_status_$(key_of "$1"):-0}\""; }
why_of() { eval "printf %s \"\${world_why_$(key_of "$1"):-}\""; }
normal_of() { eval "printf %s \"\${world_normal_$(key_of "$1"):-}\""; }
named_of() { eval "printf %s \"\${world_named_$(key_of "$1")_$2_$3:-}\""; }
without_of() { eval "printf %s \"\${world_without_$(key_of "$1"):-}\""; }
has_function() { command -v "$1" >/dev/null; }

# ---- what several entries share ----

# until_true COMMAND...: until it succeeds, for the server in $server, which must not end before.
until_true() {
	until "$@" >/dev/null 2>&1; do
		kill -0 "$server" || { echo "the server has ended" >&2; return 1; }
		sleep 0.1
	done
}

# end_server: asks it to end, and waits.
end_server() {
	kill "$server"
	wait "$server" || { echo "the server has ended with $?" >&2; return 1; }
}

# trouble_in LOG: what a server's log tells of trouble, and what mapherd says there, go to stderr.
trouble_in() { grep -a -E 'PANIC|FATAL|ERROR|\[emerg\]| mapherd: ' "$1" | grep -v 'the database system is starting up' >&2 || true; }

# as_user NAME COMMAND...: becomes COMMAND of that user, in a subshell. setpriv itself runs without the library and
# without a trace of the loader, whose file the user could not write to.
as_user() {
	user=$1
	shift
	set -- env LD_DEBUG="$LD_DEBUG" ${LD_PRELOAD:+LD_PRELOAD="$LD_PRELOAD"} "$@"
	unset LD_DEBUG LD_PRELOAD
	exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}

# C sources and text that every Debian machine with a compiler has.
corpus() { find /usr/include/linux -name '*.h' -exec cat {} + | head -c "$1"; }

jdk_of() { for home in /usr/lib/jvm/*"$1"*; do [ ! -x "$home/bin/javac" ] || { readlink -f "$home"; return; }; done; }

# ---- databases ----

program sqlite3 "sqlite3" "the database file"
run_sqlite3() { sqlite_workload kept/database 'PRAGMA journal_mode = wal;'; }

program lmdb "lmdb-utils" "the dump"
run_lmdb() {
	mkdir database
	load_lmdb database
	mdb_dump database >kept/dump
	mdb_copy -c database kept
	mdb_stat -e database
}

program postgresql "postgresql-15" "pg_dump"
run_postgresql() {
	bin=/usr/lib/postgresql/15/bin
	chown postgres .
	(as_user postgres $bin/initdb -D "$WORK/data" --no-sync -A trust --locale=C.UTF-8 -E UTF8) >initdb.out
	as_user postgres $bin/postgres -D "$WORK/data" -k "$WORK" -c listen_addresses= -c max_parallel_workers_per_gather=2 \
		-c min_parallel_table_scan_size=0 -c parallel_setup_cost=0 -c logging_collector=off 2>server.log &
	server=$!
	until_true psql -h "$WORK" -U postgres -c 'select 1'
	psql -h "$WORK" -U postgres -v ON_ERROR_STOP=1 <<-'END'
		CREATE TABLE t (id int PRIMARY KEY, k text, n numeric);
		INSERT INTO t SELECT i, md5(i::text), i * 1.25 FROM generate_series(1, 30000) i;
		CREATE INDEX ON t (k);
		ANALYZE t;
		SELECT count(*), sum(n), min(k), max(k) FROM t;
		SELECT left(k, 1) c, count(*) FROM t GROUP BY 1 ORDER BY 1;
		UPDATE t SET n = n + 1 WHERE id % 7 = 0;
		DELETE FROM t WHERE id % 11 = 0;
		VACUUM FULL t;
		CHECKPOINT;
		SELECT sum(hashtext(t::text)::bigint) FROM t;
	END
	pg_dump -h "$WORK" -U postgres >dump
	sed -e '/^\\\(un\)\{0,1\}restrict /d' dump >kept/dump
	end_server
	trouble_in server.log
}

program mariadb "mariadb-server mariadb-client" "mariadb-dump"
run_mariadb() {
	chown mysql .
	(as_user mysql mariadb-install-db --no-defaults --datadir="$WORK/data" --auth-root-authentication-method=normal \
		--skip-test-db --skip-name-resolve) >install.out 2>&1 || { cat install.out >&2; return 1; }
	as_user mysql mariadbd --no-defaults --datadir="$WORK/data" --socket="$WORK/socket" --skip-networking --pid-file="$WORK/pid" \
		--innodb-buffer-pool-size=64M 2>server.log &
	server=$!
	until_true mariadb-admin --no-defaults -u root -S "$WORK/socket" ping
	mariadb --no-defaults -u root -S "$WORK/socket" <<-'END'
		CREATE DATABASE d; USE d;
		CREATE TABLE t (id INT PRIMARY KEY, k VARCHAR(40), KEY (k)) ENGINE=InnoDB;
		CREATE TABLE a (id INT PRIMARY KEY, k VARCHAR(40), KEY (k)) ENGINE=Aria;
		INSERT INTO t SELECT seq, MD5(seq) FROM seq_1_to_20000;
		INSERT INTO a SELECT * FROM t;
		SELECT COUNT(*), MIN(k), MAX(k) FROM t;
		SELECT LEFT(k, 1) c, COUNT(*) FROM a GROUP BY c ORDER BY c;
		DELETE FROM t WHERE id % 3 = 0;
		OPTIMIZE TABLE t, a;
		CHECK TABLE t, a;
	END
	mariadb-dump --no-defaults -u root -S "$WORK/socket" --skip-dump-date d >kept/dump
	end_server
	trouble_in server.log
}

program redis "redis-server redis-tools" "keys and values"
run_redis() {
	redis-server --port 0 --unixsocket "$WORK/socket" --dir "$WORK" --save '' --appendonly yes --activedefrag no >server.log &
	server=$!
	until_true redis-cli -s socket ping
	seq 1 20000 | awk '{ printf "SET key:%d value%d\nRPUSH list:%d %d\nZADD z %d m%d\n", $1, $1 * 7, $1 % 50, $1, $1 % 997, $1 }' |
		redis-cli -s socket | sort | uniq -c
	redis-cli -s socket bgrewriteaof
	redis-cli -s socket save
	redis-cli -s socket dbsize
	redis-cli -s socket --raw zrange z 0 200 withscores
	redis-cli -s socket --scan | sort >kept/keys
	end_server
	redis-check-rdb dump.rdb >check.out || { cat check.out >&2; return 1; }
}

program rocksdb "rocksdb-tools" "a scan"
run_rocksdb() {
	db_bench --db=db --benchmarks=fillseq,compact --num=5000 --mmap_write=1 --mmap_read=1 --compression_type=none --seed=1 \
		--threads=1 --compression_ratio=1 >bench.out 2>&1
	ldb --db=db scan --hex >kept/scan
}

program leveldb "python3-plyvel" "a scan"
run_leveldb() {
	/usr/bin/python3 - >kept/scan <<-'END'
		import plyvel
		db = plyvel.DB("db", create_if_missing=True, write_buffer_size=1 << 16, max_file_size=1 << 17)
		for i in range(30000):
		    db.put(b"%08d" % (i * 7919 % 30011), b"value %d" % i)
		db.compact_range()
		print(sum(1 for _ in db), list(db.iterator(start=b"00010000", stop=b"00010100")))
		db.close()
	END
}

program tdb "tdb-tools" "the dump"
run_tdb() {
	{
		echo "create db.tdb"
		seq 1 3000 | sed 's/.*/insert key& value&/'
		echo check
		seq 1 3 3000 | sed 's/.*/delete key&/'
	} | tdbtool >tool.out
	tdbdump db.tdb | sort >kept/dump
}

program gdbm "gdbmtool" "the dump"
run_gdbm() {
	seq 1 5000 | sed 's/.*/store key& value&/' | gdbmtool -q -n db
	gdbmtool -q db count
	gdbmtool -q db list | sort >kept/list
}

program berkeley-db "db5.3-util" "the dump"
run_berkeley_db() {
	seq 1 20000 | sed 's/.*/key &\nvalue of &/' | db5.3_load -T -t btree db
	db5.3_verify db
	db5.3_dump -p db >kept/dump
}

program kyotocabinet "kyotocabinet-utils" "the lists"
run_kyotocabinet() {
	seq 1 20000 | awk '{ print "key" $1 "\tvalue" $1 }' >text
	kchashmgr create db.kch
	kchashmgr import db.kch text
	kctreemgr create db.kct
	kctreemgr import db.kct text
	kctreemgr list -pv db.kct >kept/tree
	kchashmgr list -pv db.kch | sort >kept/hash
	kchashmgr check db.kch
}

program tokyocabinet "tokyocabinet-bin" "the lists"
run_tokyocabinet() {
	seq 1 20000 | awk '{ print "key" $1 "\tvalue" $1 }' >text
	tchmgr create db.tch
	tchmgr importtsv db.tch text
	tcbmgr create db.tcb
	tcbmgr importtsv db.tcb text
	tcbmgr list -pv db.tcb >kept/tree
	tchmgr optimize db.tch
	tchmgr list -pv db.tch | sort >kept/hash
}

program fossil "fossil" "the artifacts"
run_fossil() {
	export FOSSIL_HOME="$HOME" USER=world
	fossil init --date-override 2020-01-01 repository >/dev/null
	mkdir tree
	cd tree || return
	fossil open ../repository >/dev/null
	for i in 1 2 3 4 5; do
		seq $i 3000 >file$i
		fossil add file$i
		fossil commit -m "number $i" --date-override "2020-01-02 00:00:0$i" --no-warnings >/dev/null
	done
	fossil sql -R ../repository 'SELECT count(*), sum(size) FROM blob'
	fossil test-integrity ../repository | tail -n 1
	cp file* ../kept
	fossil close
}

# ---- JVMs ----

# java_make JAR:... CLASS: compiles a source file of this folder. java_run JAR:... CLASS ARG...: runs it.
java_make() { "$(jdk_of 17)/bin/javac" -cp "$1" -d "$MADE" "$TESTS_SRC/world/$2.java"; }
java_run() {
	jars=$1
	shift
	"$(jdk_of 17)/bin/java" -Xmx256m -cp "$MADE:$jars" "$@"
}
lucene_jars() { printf '%s:' /usr/share/java/lucene-core-4.10*.jar /usr/share/java/lucene-analyzers-common-4.10*.jar; }
tomcat_jars() { printf '%s:' /usr/share/java/tomcat10-embed-*.jar /usr/share/java/jakarta-annotation-api.jar; }

program h2 "libh2-java /usr/lib/jvm/*17*" "all rows"
make_h2() { java_make . Jdbc; }
run_h2() { java_run /usr/share/java/h2.jar Jdbc "jdbc:h2:nioMapped:$WORK/db" kept/rows; }

program derby "libderby-java /usr/lib/jvm/*17*" "all rows"
make_derby() { java_make . Jdbc; }
run_derby() { java_run "$(printf '%s:' /usr/share/java/derby*.jar)" Jdbc "jdbc:derby:$WORK/db;create=true" kept/rows; }

program hsqldb "libhsqldb-java /usr/lib/jvm/*17*" "all rows"
make_hsqldb() { java_make . Jdbc; }
run_hsqldb() {
	java_run /usr/share/java/hsqldb.jar Jdbc "jdbc:hsqldb:file:$WORK/db;hsqldb.default_table_type=cached;shutdown=true" kept/rows
}

program lucene "liblucene4.10-java /usr/lib/jvm/*17*" "what is found"
make_lucene() { java_make "$(lucene_jars)" Lucene; }
run_lucene() { java_run "$(lucene_jars)" Lucene index kept/found; }

program tomcat "libtomcat10-embed-java libjakarta-annotation-api-java /usr/lib/jvm/*17*" "1,000 answers"
normal tomcat "the time of the log lines, how long things took, and the port" 's/^[A-Z][a-z]{2} [0-9]{2}, [0-9]{4} .*[AP]M /TIME /
	s/"http-nio-auto-[0-9]+(-[0-9]+)?"/PORT/; s/\[[0-9]+\] (milliseconds|ms)/[N] ms/; /createSecureRandom$/d; /Creation of SecureRandom/d'
make_tomcat() { java_make "$(tomcat_jars)" Server; }
run_tomcat() { java_run "$(tomcat_jars)" Server . kept/answers; }

program java-17 "openjdk-17-jdk-headless /usr/lib/jvm/*17*" "what MapForce stores"
run_java_17() {
	jdk=$(jdk_of 17)
	"$jdk/bin/javac" -d kept "$TESTS_SRC/preload/MapForce.java"
	"$jdk/bin/java" -Xmx64m -cp kept MapForce kept/file
}

program java-25 "/usr/lib/jvm/*25*" "what MapForce stores"
run_java_25() {
	jdk=$(jdk_of 25)
	"$jdk/bin/javac" -d kept "$TESTS_SRC/preload/MapForce.java"
	"$jdk/bin/java" -Xmx64m -XX:+UseZGC -cp kept MapForce kept/file
}

# ---- other runtimes ----

program python "python3" "a mapped file"
run_python() {
	/usr/bin/python3 - <<-'END'
		import hashlib, mmap, multiprocessing, os, threading
		def part(n):
		    return hashlib.sha256(str(sum(i * i for i in range(n))).encode()).hexdigest()
		if __name__ == "__main__":
		    with multiprocessing.get_context("fork").Pool(4) as pool:
		        print(pool.map(part, range(0, 200000, 20000)))
		    with open("kept/file", "w+b") as f:
		        f.truncate(1 << 22)
		        maps = [mmap.mmap(f.fileno(), 1 << 14, offset=n << 14) for n in range(256)]
		        for n, m in enumerate(maps):
		            m[:8] = b"%08d" % n
		            m.flush()
		        def work(k):
		            for n in range(k, 256, 4):
		                maps[n][8:16] = b"%08d" % k
		        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
		        [t.start() for t in threads]
		        [t.join() for t in threads]
		        for n in range(0, 256, 3):
		            maps[n].close()
		        print(maps[1][:16], os.stat("kept/file").st_size)
	END
}

program python-mmap "libpython3.11-testsuite" "Python's own tests of mmap"
normal python-mmap "how long the tests took" 's/^(Ran .* in ).*s$/\1a while/'
run_python_mmap() { /usr/bin/python3 -m test.test_mmap -v; }

program numpy "python3-numpy" "memmap"
run_numpy() {
	/usr/bin/python3 - <<-'END'
		import numpy as np
		a = np.memmap("kept/a", dtype="float64", mode="w+", shape=(1000, 500))
		a[:] = np.arange(500000).reshape(1000, 500) % 97
		a.flush()
		views = [np.memmap("kept/a", dtype="float64", mode="r", offset=n * 4096, shape=(512,)) for n in range(900)]
		print(sum(float(v.sum()) for v in views))
		b = np.asarray(a[:300, :300])
		print(float((b @ b.T).sum()))
	END
}

program ruby "ruby" ""
run_ruby() {
	ruby -e '
		fibers = (1..1000).map { |i| Fiber.new { x = i; loop { Fiber.yield x; x += i } } }
		3.times { puts fibers.sum { |f| f.resume } }
		threads = (1..20).map { |i| Thread.new { (1..2000).inject { |a, b| (a * b + i) % 1000003 } } }
		p threads.map(&:value)
		h = Hash.new(0); 200000.times { |i| h["k#{i % 997}"] += i }; p h.values.max
		r, w = IO.pipe; pid = fork { w.puts "child"; GC.start; exit! 3 }; w.close; puts r.read; Process.wait pid; p $?.exitstatus'
}

program php "php8.2-cli" "a file"
run_php() {
	php -n -d opcache.enable_cli=0 -r '
		$fibers = [];
		for ($i = 0; $i < 1000; $i++) { $f = new Fiber(function ($x) { while (true) $x = $x + Fiber::suspend($x); }); $f->start($i); $fibers[] = $f; }
		$sum = 0; foreach ($fibers as $f) $sum += $f->resume(5);
		echo $sum, "\n", md5(str_repeat("x", 1 << 24)), "\n";
		file_put_contents("kept/file", serialize(range(0, 50000)));
		echo count(unserialize(file_get_contents("kept/file"))), "\n";'
}

program perl "perl" ""
run_perl() {
	perl -e 'my %h; $h{$_ % 9973} .= chr(65 + $_ % 26) for 1 .. 500000; my $s = 0; $s += length for values %h; print "$s\n";
		my @k = sort { $a <=> $b } keys %h; print "@k[0 .. 20]\n"; my $pid = fork; exit 7 unless $pid; waitpid $pid, 0; print $? >> 8, "\n";'
}

program nodejs "nodejs" "a file"
run_nodejs() {
	/usr/bin/node -e '
		const { Worker, isMainThread } = require("worker_threads"), fs = require("fs"), crypto = require("crypto");
		const s = new SharedArrayBuffer(1 << 20), a = new Int32Array(s);
		let left = 4;
		for (let n = 0; n < 4; n++) {
			const w = new Worker(`const { workerData } = require("worker_threads"); const a = new Int32Array(workerData);
				for (let i = 0; i < 200000; i++) Atomics.add(a, i % 1000, 1)`, { eval: true, workerData: s });
			w.on("exit", () => { if (!--left) {
				console.log(a.slice(0, 1000).reduce((x, y) => x + y));
				const big = Buffer.alloc(1 << 24, "mapherd");
				console.log(crypto.createHash("sha256").update(big).digest("hex"));
				fs.writeFileSync("kept/file", require("zlib").gzipSync(big.subarray(0, 1 << 20)));
			} });
		}'
}

program lua "lua5.4" ""
run_lua() { lua5.4 -e 'local t = {} for i = 1, 300000 do t[i] = tostring(i):rep(3) end table.sort(t) print(t[1], t[150000], #table.concat(t))'; }

program luajit "luajit" ""
run_luajit() {
	luajit -e 'local ffi = require("ffi") local a = ffi.new("double[1000000]") for r = 1, 20 do for i = 0, 999999 do a[i] = a[i] + i % r end end
		local s = 0 for i = 0, 999999 do s = s + a[i] end print(s) local t = {} for i = 1, 200000 do t[i] = {i, tostring(i)} end print(#t)'
}

# Without threads: alone, Guile 3.0.8 dies or hangs in a collection beside par-map, once in three runs on a busy machine.
program guile "guile-3.0" ""
run_guile() {
	guile --no-auto-compile -c '(use-modules (srfi srfi-1))
		(define (f n) (fold + 0 (map (lambda (i) (modulo (* i i) 97)) (iota n))))
		(display (map f (list 10000 20000 30000 40000))) (newline) (gc) (display (f 100000)) (newline)'
}

program erlang "erlang-base" ""
run_erlang() {
	erl -noshell -noinput -eval 'Self = self(), [spawn(fun() -> Self ! lists:sum([X * N rem 97 || X <- lists:seq(1, 2000)]) end) || N <- lists:seq(1, 500)],
		io:format("~p~n", [lists:sum([receive X -> X end || _ <- lists:seq(1, 500)])]),
		T = ets:new(t, []), [ets:insert(T, {I, integer_to_list(I)}) || I <- lists:seq(1, 50000)], io:format("~p~n", [ets:info(T, size)]), halt().'
}

program ocaml "ocaml-nox" ""
run_ocaml() {
	cat >a.ml <<-'END'
		module M = Map.Make (Int)
		let () =
		  let m = List.fold_left (fun m i -> M.add (i * 7919 mod 100003) i m) M.empty (List.init 100000 Fun.id) in
		  Printf.printf "%d %d\n" (M.cardinal m) (M.fold (fun k v a -> (a + k * v) mod 1000003) m 0);
		  Gc.compact ()
	END
	ocamlfind ocamlopt a.ml -o a 2>/dev/null || ocamlopt a.ml -o a
	./a
	ocaml a.ml
}

program r "r-base-core" "a saved object"
run_r() {
	Rscript --vanilla -e 'set.seed(1); x <- matrix(rnorm(90000), 300); print(sum(solve(x) %*% x)); print(summary(lm(x[,1] ~ x[,2] + x[,3]))$r.squared)
		saveRDS(x, "kept/x.rds"); print(digits = 10, sum(svd(x)$d)); print(identical(readRDS("kept/x.rds"), x))'
}

program octave "octave" ""
run_octave() { octave-cli --norc --no-history --eval 'a = magic(200); printf("%.6f\n", sum(sum(a * a)) / 1e6, rank(a(1:50, 1:50))); b = cellfun(@numel, num2cell(1:5000)); disp(sum(b))'; }

program mono "mono-mcs mono-runtime" ""
run_mono() {
	cat >a.cs <<-'END'
		using System; using System.Collections.Generic; using System.IO; using System.Threading;
		class A { static void Main() {
			var d = new Dictionary<int, string>(); for (int i = 0; i < 200000; i++) d[i * 7919 % 200003] = i.ToString();
			Console.WriteLine(d.Count); long sum = 0; var ts = new List<Thread>();
			for (int n = 0; n < 8; n++) { int m = n; var t = new Thread(() => { long s = 0; for (int i = 0; i < 100000; i++) s += i * m % 97; Interlocked.Add(ref sum, s); }); t.Start(); ts.Add(t); }
			foreach (var t in ts) t.Join(); GC.Collect(); Console.WriteLine(sum); } }
	END
	mcs a.cs
	mono a.exe
}

program sbcl "sbcl" ""
run_sbcl() {
	sbcl --noinform --no-userinit --non-interactive --eval '(progn (defun f (n) (loop for i below n sum (mod (* i i) 97)))
		(print (f 1000000)) (let ((h (make-hash-table :test (quote equal)))) (dotimes (i 100000) (setf (gethash (format nil "~a" i) h) i)) (print (hash-table-count h)))
		(gc :full t) (terpri))'
}

program swi-prolog "swi-prolog-nox" ""
run_swi_prolog() {
	swipl -q -g "numlist(1, 200000, L), foldl([X, A, B]>>(B is (A + X * X) mod 1000003), L, 0, S), writeln(S), garbage_collect,
		concurrent_maplist([X, Y]>>(Y is X * 2), [1, 2, 3], R), writeln(R)" -t halt
}

program gforth "gforth" ""
run_gforth() { gforth -e ': f ( n -- s ) 0 swap 0 do i i * 97 mod + loop ; 1000000 f . cr 1000000 allocate throw 1000000 erase bye'; }

program tcl "tcl8.6" ""
run_tcl() { echo 'set l {}; for {set i 0} {$i < 100000} {incr i} {lappend l [expr {$i * 7919 % 100003}]}; puts [lindex [lsort -integer $l] 777]' | tclsh8.6; }

# ---- compilers and linkers ----

compile() {
	for source in chunks look; do
		gcc -std=gnu17 -fPIC -g -O1 -c -o $source.o "$TESTS_SRC/preload/$source.c"
	done
}
# link_with LINKER: and the program that it links maps files.
link_with() {
	gcc -fuse-ld="$1" -Wl,--build-id=none -o kept/chunks "$MADE/chunks.o" "$MADE/look.o"
	gcc -shared -fuse-ld="$1" -Wl,--build-id=none -o kept/look.so "$MADE/look.o"
	kept/chunks "$WORK/file" 100 65536 random one private 50 >/dev/null
}
make_ld_bfd() { compile; }
make_ld_gold() { compile; }
make_lld() { compile; }
make_mold() { compile; }
program ld.bfd "binutils gcc" "the program and the library"
run_ld_bfd() { link_with bfd; }
program ld.gold "binutils gcc" "the program and the library"
run_ld_gold() { link_with gold; }
program lld "lld gcc" "the program and the library"
run_lld() { link_with lld; }
program mold "mold gcc" "the program and the library"
run_mold() { link_with mold; }

program gcc "g++ gcc" "the object, and a precompiled header"
run_gcc() {
	printf '#include <vector>\n#include <map>\n#include <string>\n#include <algorithm>\n' >all.h
	# A precompiled header is mapped at the address that it was made for.
	g++ -O2 -frandom-seed=1 all.h -o all.h.gch
	printf '#include "all.h"\nint main() { std::map<std::string, std::vector<int>> m; m["a"].push_back(1); return m["a"][0] - 1; }\n' >a.cc
	g++ -O2 -Winvalid-pch -frandom-seed=1 -c a.cc -o kept/a.o
	g++ kept/a.o -o a
	./a
}

program clang "clang" "the object"
run_clang() {
	printf '#include <vector>\n#include <map>\n#include <string>\nint main() { std::map<std::string, std::vector<int>> m; m["a"].push_back(1); return m["a"][0] - 1; }\n' >a.cc
	clang++ -O2 -c a.cc -o kept/a.o
	clang++ kept/a.o -o a
	./a
}

program tcc "tcc" "the program"
run_tcc() {
	printf '#include <stdio.h>\nint main(void) { for (int i = 0; i < 5; i++) printf("%%d\\n", i); return 0; }\n' >a.c
	tcc -o kept/a a.c
	kept/a
	tcc -run a.c
}

program nasm "nasm" "the object"
run_nasm() {
	seq 1 3000 | sed 's/.*/label&: mov rax, &\n add rax, rbx\n db "text &", 0/' >a.asm
	nasm -f elf64 -o kept/a.o a.asm
}

program cmake "cmake ninja-build gcc" "what is built"
normal cmake "how long it took" 's/\([0-9.]+s\)/(a while)/'
run_cmake() {
	printf 'cmake_minimum_required(VERSION 3.18)\nproject(p C)\nadd_library(look STATIC look.c)\nadd_executable(p a.c)\ntarget_link_libraries(p look)\n' >CMakeLists.txt
	printf 'int two(void) { return 2; }\n' >look.c
	printf 'int two(void);\nint main(void) { return two() - 2; }\n' >a.c
	cmake -G Ninja -S . -B b
	ninja -C b -j1
	b/p
	cp b/p kept
}

# ---- tools ----

program git "git" "the packs and the index"
make_git() { make_repository repository; }
run_git() {
	cp -a "$MADE/repository" .
	# Small windows, so that git maps its pack in many pieces.
	git -C repository config core.packedGitWindowSize 4k
	git -C repository -c pack.threads=1 repack -adfq
	git -C repository log -p --stat
	git -C repository fsck --full --strict
	git clone -q --no-local repository clone 2>&1
	git -C clone status
	cp clone/file* kept
	(cd repository/.git/objects/pack && sha256sum ./*)
}

program ripgrep "ripgrep" ""
run_ripgrep() {
	rg --mmap --no-config -n --sort path 'struct [a-z]+_info' /usr/include
	rg --mmap --no-config -c define /usr/include/linux | sort
}

program ag "silversearcher-ag" ""
run_ag() { ag --nocolor --noheading 'struct [a-z]+_info' /usr/include/linux | sort; }

program plocate "plocate" "the database"
run_plocate() {
	updatedb.plocate -U /usr/include -o db -l no --prunepaths '' --prune-bind-mounts no
	plocate -d db stdio.h
	plocate -d db -c linux
}

program man-db "man-db" "the page"
run_man_db() {
	export MANWIDTH=80
	# Its seccomp filter refuses the loader the file that it would write to: the second time without filter.
	(unset LD_DEBUG; man ls >kept/filtered)
	MAN_DISABLE_SECCOMP=1 man ls >kept/ls
	man -w bash
	apropos -s 1 zzzznothing || echo "none: $?"
}

program apt "apt" ""
run_apt() {
	# A cache of its own, which is made by the first call and mapped by the next.
	mkdir -p cache/archives/partial
	printf 'Dir::Cache "%s/cache";\n' "$WORK" >apt.conf
	export APT_CONFIG="$WORK/apt.conf"
	apt-cache show coreutils | sort
	apt-cache depends git
	apt-get -s --no-install-recommends remove gcc | sort
}

program dpkg "dpkg" "a package"
run_dpkg() {
	mkdir -p p/DEBIAN p/usr/share/world
	printf 'Package: world\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: d\n' >p/DEBIAN/control
	seq 1 100000 >p/usr/share/world/numbers
	SOURCE_DATE_EPOCH=1 dpkg-deb --root-owner-group -b p world.deb
	touch -d @1 p/usr/share/world/numbers
	mkdir root root/var root/var/lib root/var/lib/dpkg
	dpkg -I world.deb
	dpkg-deb -x world.deb kept
	dpkg -l | sort | head -n 500
	dpkg -V coreutils || true
	dpkg -S /usr/bin/dpkg
}

program tar "tar gzip" "the archive"
run_tar() {
	tar --sort=name -cf kept/a.tar -C /usr/include linux
	tar -xf kept/a.tar -C kept
	tar -czf a.tgz -C /usr/include linux
	tar -tzf a.tgz | wc -l
}

program zstd "zstd" "the archive"
make_zstd() { corpus 20000000 >text; }
run_zstd() {
	zstd -q -T2 -6 "$MADE/text" -o kept/text.zst
	zstd -q -d kept/text.zst -o text
	cmp text "$MADE/text"
	zstd -q --train /usr/include/linux/*.h -o kept/dictionary
	zstd -q --patch-from="$MADE/text" text -o kept/patch.zst
}

program xz "xz-utils" "the archive"
make_xz() { corpus 4000000 >text; }
run_xz() {
	xz -T2 -2 --block-size=1MiB -c "$MADE/text" >kept/text.xz
	xz -dc kept/text.xz | cmp - "$MADE/text"
}

program pigz "pigz" "the archive"
make_pigz() { corpus 10000000 >text; }
run_pigz() { pigz -n -p 4 -c "$MADE/text" >kept/text.gz; pigz -dc kept/text.gz | cmp - "$MADE/text"; }

program brotli "brotli" "the archive"
make_brotli() { corpus 3000000 >text; }
run_brotli() { brotli -q 6 -o kept/text.br "$MADE/text"; brotli -dc kept/text.br | cmp - "$MADE/text"; }

program 7zip "p7zip-full" "the archive"
make_7zip() { corpus 6000000 >text; touch -d @1 text; }
run_7zip() { 7z a -bso0 -bsp0 -mmt2 -mx3 kept/a.7z "$MADE/text"; 7z t -bso0 -bsp0 kept/a.7z; 7z x -bso0 -bsp0 -okept kept/a.7z; }

program squashfs "squashfs-tools" "the image"
run_squashfs() {
	mksquashfs /usr/include/linux kept/image -quiet -no-progress -all-time 1 -mkfs-time 1 -processors 2
	unsquashfs -q -n -d kept/tree kept/image >/dev/null
}

program e2fsprogs "e2fsprogs" "what is read back"
run_e2fsprogs() {
	truncate -s 40M image
	mkfs.ext4 -q -U 12345678-1234-1234-1234-123456789012 -E hash_seed=12345678-1234-1234-1234-123456789012 -d /usr/include/linux image
	e2fsck -fn image 2>/dev/null
	debugfs -R "rdump / kept" image 2>/dev/null
}

program sort "coreutils" "what is sorted"
run_sort() {
	seq 1 400000 | shuf --random-source=/usr/bin/env 2>/dev/null | sort -n -S 1M --parallel=2 -T . >kept/sorted || true
	seq 1 300000 | awk '{ print $1 * 7919 % 300007, $1 }' | sort -k1,1n -S 2M --parallel=2 -T . >kept/second
	sha256sum kept/*
	join kept/second kept/second | tail -n 3
	split -n l/7 kept/second kept/part.
}

program rsync "rsync" "the copy"
run_rsync() {
	rsync -a /usr/include/linux/ kept/copy
	rsync -a --checksum --delete --itemize-changes /usr/include/linux/ kept/copy
	mkdir delta
	seq 1 100000 >a
	{ echo new; seq 1 100000; } >b
	cp a delta/f
	cp b f
	rsync --no-whole-file -I f delta/f
	cmp delta/f b
}

program ffmpeg "ffmpeg" "the films"
run_ffmpeg() {
	ffmpeg -nostdin -loglevel error -f lavfi -i testsrc=duration=2:size=320x240:rate=10 -f lavfi -i sine=duration=2 -threads 2 -bitexact \
		-flags +bitexact -c:v mpeg4 -c:a pcm_s16le kept/a.avi
	ffmpeg -nostdin -loglevel error -i kept/a.avi -bitexact -f framemd5 -
}

program imagemagick "imagemagick" "the pictures"
run_imagemagick() {
	convert -size 600x400 gradient:red-blue -rotate 30 -blur 0x3 -resize 300x200 -strip kept/a.ppm
	# Pixels in mapped files.
	convert -limit memory 1MiB -limit map 1GiB kept/a.ppm -resize 900x600 -negate kept/b.ppm
	identify -format '%w %h %#\n' kept/a.ppm kept/b.ppm
}

program ghostscript "ghostscript" "the picture"
run_ghostscript() {
	printf '%%!PS\n/Helvetica findfont 40 scalefont setfont 50 400 moveto (mapherd) show 0 1 200 { 3 mul 100 moveto 50 50 rlineto stroke } for showpage\n' >a.ps
	gs -q -dBATCH -dNOPAUSE -dSAFER -sDEVICE=pgmraw -r72 -sOutputFile=kept/a.pgm a.ps
}

program gdb "gdb gcc" ""
normal gdb "addresses of the kernel's choice and process ids" 's/0x[0-9a-f]{6,}/ADDRESS/g; s/\(process [0-9]+\)/(process N)/; s/process [0-9]+/process N/; s/LWP [0-9]+/LWP N/'
make_gdb() {
	printf '#include <stdlib.h>\nint deep(int n) { if (!n) abort(); return deep(n - 1) + 1; }\nint main(void) { return deep(20); }\n' >a.c
	gcc -g -O0 a.c -o a
}
run_gdb() { gdb -nx -q -batch -ex 'break deep if n == 10' -ex run -ex 'print n' -ex continue -ex bt -ex kill "$MADE/a"; }

program strace "strace" ""
run_strace() { strace -f -o /dev/null -e trace=file,process sh -c 'ls /usr/include/linux | wc -l; exit 3' || echo "status $?"; }

program valgrind "valgrind gcc" ""
normal valgrind "process ids" 's/==[0-9]+==/==PID==/; s/0x[0-9A-Fa-f]{5,}/ADDRESS/g'
make_valgrind() {
	printf '#include <stdlib.h>\n#include <stdio.h>\nint main(void) { char *p = malloc(100); p[99] = 1; printf("%%d\\n", p[99]); free(p); return 4; }\n' >a.c
	gcc -g a.c -o a
}
run_valgrind() { valgrind -q --error-exitcode=9 "$MADE/a" || echo "status $?"; }

program qemu-user "qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross" ""
make_qemu_user() {
	printf '#include <stdio.h>\n#include <sys/mman.h>\nint main(void) { int n = 0; for (int i = 0; i < 200; i++) { char *p = mmap(0, 8192, 3, 34, -1, 0); p[i] = 1; n += p[i]; if (i %% 2) munmap(p, 4096); } printf("%%d\\n", n); return 0; }\n' >a.c
	aarch64-linux-gnu-gcc -static a.c -o a
}
run_qemu_user() { qemu-aarch64 "$MADE/a"; }

program elfutils "elfutils" ""
run_elfutils() {
	eu-readelf -a /bin/ls | head -n 4000
	eu-unstrip -n -e /bin/ls
}

program binutils "binutils" "a stripped copy"
run_binutils() {
	objdump -d /bin/ls | tail -n 300
	readelf -aW /bin/bash | sha256sum
	objcopy --strip-all /bin/bash kept/bash
	nm -D /bin/bash | wc -l
}

program openssl "openssl" "ciphertext"
make_openssl() { corpus 5000000 >text; }
run_openssl() {
	openssl enc -aes-256-cbc -K 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff -iv 00112233445566778899aabbccddeeff \
		-in "$MADE/text" -out kept/text.enc
	openssl dgst -sha512 "$MADE/text"
	openssl genrsa 2048 2>/dev/null | openssl rsa -check -noout
}

program gnupg "gpg gpg-agent" "the plain text"
run_gnupg() {
	export GNUPGHOME="$HOME/gnupg"
	mkdir -m 700 "$GNUPGHOME"
	corpus 300000 >text
	gpg -q --batch --passphrase pass --pinentry-mode loopback --symmetric -o text.gpg text
	gpg -q --batch --passphrase pass --pinentry-mode loopback -d text.gpg >kept/text
	gpgconf --kill all
}

program jq "jq" ""
run_jq() { seq 1 50000 | jq -s 'map({k: (. % 97), v: .}) | group_by(.k) | map({k: .[0].k, n: length, s: (map(.v) | add)}) | .[0:20]'; }

program xsltproc "xsltproc libxml2-utils" ""
run_xsltproc() {
	{ echo '<a>'; seq 1 20000 | sed 's;.*;<b n="&">text &</b>;'; echo '</a>'; } >a.xml
	printf '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/><xsl:template match="/"><xsl:for-each select="a/b[@n mod 97 = 0]"><xsl:value-of select="."/>,</xsl:for-each></xsl:template></xsl:stylesheet>' >a.xsl
	xsltproc a.xsl a.xml
	xmllint --format a.xml | tail -n 3
}

program gawk "gawk" ""
run_gawk() { seq 1 300000 | gawk '{ a[$1 % 9973] += $1 } END { n = asort(a); print n, a[1], a[n] }'; }

program zsh "zsh" ""
ends zsh 5
run_zsh() { zsh -f -c 'typeset -A h; for i in {1..20000}; do h[$((i % 997))]+=x; done; print ${#h} ${#h[1]}; print -l /usr/include/linux/*.h(:t) | head -20; (exit 3); print $?; exit 5'; }

program bash "bash" ""
ends bash 3
run_bash() { bash --norc -c 'for i in {1..20000}; do a[i % 997]+=x; done; echo ${#a[@]} ${#a[1]}; for i in {1..50}; do (exit $((i % 3))); s+=$?; done; echo $s; exit 3'; }

# ---- servers that are no databases ----

program nginx "nginx-light curl" "what is fetched"
run_nginx() {
	mkdir root
	seq 1 100000 >root/numbers
	printf 'error_log stderr error; pid %s/pid; daemon off; worker_processes 2; events {}\nhttp { access_log off; sendfile on; aio threads; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t; server { listen unix:%s/socket; root %s/root; } }\n' "$WORK" "$WORK" "$WORK" >conf
	chmod -R a+rX "$WORK"
	nginx -p "$WORK" -c "$WORK/conf" 2>server.log &
	server=$!
	until_true curl -sf --unix-socket socket http://localhost/numbers
	for i in 1 2 3 4 5 6 7 8 9 10; do curl -sf --unix-socket socket http://localhost/numbers; done >kept/fetched
	curl -s --unix-socket socket -o /dev/null -w '%{http_code}\n' http://localhost/nothing
	end_server
	trouble_in server.log
}

program memcached "memcached python3" ""
run_memcached() {
	memcached -u root -s "$WORK/socket" -m 64 -t 4 &
	server=$!
	until_true test -S socket
	/usr/bin/python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_UNIX); s.connect("socket"); f = s.makefile("rwb")
		for i in range(20000):
		    v = b"v%d" % i
		    f.write(b"set k%d 0 0 %d noreply\r\n%s\r\n" % (i, len(v), v))
		f.write(b"get k7 k19999\r\nquit\r\n"); f.flush()
		print(f.read().decode())
	END
	end_server
}

# ---- browsers ----

program chromium "chromium" "the page"
normal chromium "what it says of a machine without a bus or a graphics card" '/^\[[0-9:\/.]+:(ERROR|WARNING)/d; /^(ERROR|WARNING): .*Vulkan/d'
named chromium cold status "mapherd(7), threads: its zygote counts the thread that holds files, and ends itself"
run_chromium() {
	printf '<!doctype html><title>t</title><p id=a></p><script>let s = 0; for (let i = 0; i < 1e6; i++) s += i %% 97; document.getElementById("a").textContent = s + " " + WebAssembly.validate(new Uint8Array([0,97,115,109,1,0,0,0]))</script>' >a.html
	chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir="$WORK/profile" --dump-dom "file://$WORK/a.html" >kept/dom
}

# ---- allocators, preloaded before the library and after it ----

# allocator first|last LIBRARY
allocator() {
	library=$(find /usr/lib -name "$2" | sort | head -n 1)
	case $1 in
	first) export LD_PRELOAD="$library${LD_PRELOAD:+:$LD_PRELOAD}" ;;
	last) export LD_PRELOAD="${LD_PRELOAD:+$LD_PRELOAD:}$library" ;;
	esac
	/usr/bin/python3 - <<-'END'
		import mmap, os, threading
		def work(k):
		    for n in range(200):
		        keep[k] = [b"x" * (n * 37 % 5000 + 1) for _ in range(500)]
		keep = {}
		threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		with open("kept/file", "w+b") as f:
		    f.truncate(1 << 21)
		    maps = [mmap.mmap(f.fileno(), 1 << 13, offset=n << 13) for n in range(256)]
		    for n, m in enumerate(maps):
		        m[:4] = b"%04d" % n
		pid = os.fork()
		if pid == 0:
		    keep.clear()
		    os._exit(5)
		print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), sum(len(b) for v in keep.values() for b in v))
	END
	seq 1 100000 | sort -R --random-source=/bin/ls | sort -n --parallel=4 | sha256sum
	perl -e 'my %h; $h{$_ % 9973} .= "x" for 1 .. 300000; print scalar(keys %h), "\n"'
}
program jemalloc-first "libjemalloc2 python3" "a mapped file"
run_jemalloc_first() { allocator first 'libjemalloc.so.2'; }
program jemalloc-last "libjemalloc2 python3" "a mapped file"
run_jemalloc_last() { allocator last 'libjemalloc.so.2'; }
program tcmalloc-first "libtcmalloc-minimal4 python3" "a mapped file"
run_tcmalloc_first() { allocator first 'libtcmalloc_minimal.so.4'; }
program tcmalloc-last "libtcmalloc-minimal4 python3" "a mapped file"
run_tcmalloc_last() { allocator last 'libtcmalloc_minimal.so.4'; }
program mimalloc-first "libmimalloc2.0 python3" "a mapped file"
run_mimalloc_first() { allocator first 'libmimalloc.so.2*'; }
program mimalloc-last "libmimalloc2.0 python3" "a mapped file"
run_mimalloc_last() { allocator last 'libmimalloc.so.2*'; }

# ---- Go ----

# WORLD_SERVE: how long a server is written to and asked, in seconds; 10 if not set.

program prometheus "prometheus curl python3" "the answers to queries"
make_prometheus() {
	# Two weeks of samples: some 170 blocks, each with files that are mapped.
	python3 - <<-'END' >samples
		start = 1700006400
		for series in range(20):
		    print("# TYPE load%d gauge" % series)
		    for n in range(14 * 24 * 12):
		        print('load%d{host="h%d"} %d %d' % (series, series % 5, (n * 7919 + series * 31) % 1000, start + n * 300))
		print("# EOF")
	END
	promtool tsdb create-blocks-from openmetrics samples blocks >/dev/null
	rm samples
}
run_prometheus() {
	cp -r "$MADE/blocks" data
	printf 'global: {scrape_interval: 1s}\nscrape_configs: [{job_name: own, static_configs: [{targets: ["127.0.0.1:9090"]}]}]\n' >config.yml
	prometheus --config.file=config.yml --storage.tsdb.path=data --storage.tsdb.retention.time=100y --log.level=warn \
		--web.listen-address=127.0.0.1:9090 2>server.log &
	server=$!
	until_true curl -sf http://127.0.0.1:9090/-/ready
	ask() { curl -sf --max-time 100 -G http://127.0.0.1:9090/api/v1/"$1" --data-urlencode "query=$2" --data "$3"; }
	wanted=0
	until=$(($(date +%s) + ${WORLD_SERVE:-10}))
	while :; do
		for n in 0 7 13 19; do
			ask query_range "sum by (host) (rate(load$n[1h]))" "start=1700006400&end=1701216000&step=7200"
			ask query_range "quantile_over_time(0.9, load$n[6h])" "start=1700006400&end=1701216000&step=86400"
		done >answers
		[ -s kept/answers ] || cp answers kept/answers
		cmp answers kept/answers
		# It is scraped meanwhile, by itself.
		ask query 'count(up{job="own"} == 1)' "" >scraped
		[ "$(date +%s)" -lt "$until" ] || break
	done
	sed 's/\[[0-9.]*,/[TIME,/' scraped
	end_server
	trouble_in server.log
}

program etcd "etcd-server etcd-client" "all keys, their values and revisions"
run_etcd() {
	etcd --data-dir data --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
		--initial-cluster default=http://127.0.0.1:2380 --logger=zap --log-level=warn 2>server.log &
	server=$!
	export ETCDCTL_API=3
	until_true etcdctl endpoint health
	value=$(seq 1 800 | tr '\n' ' ')
	until=$(($(date +%s) + ${WORLD_SERVE:-10}))
	# Rounds of the same writes: how many there are depends on the time, what is there in the end does not.
	while :; do
		for key in 1 2 3 4 5 6 7 8; do
			etcdctl put "key$key" "$value $key" >/dev/null
			[ "$(etcdctl get "key$key" --print-value-only)" = "$value $key" ]
		done
		[ "$(date +%s)" -lt "$until" ] || break
	done
	etcdctl del key8
	etcdctl get --prefix key | sha256sum
	etcdctl get --prefix key >kept/keys
	etcdctl snapshot save snapshot >/dev/null 2>&1
	etcdctl defrag
	etcdctl get --prefix key | sha256sum
	kill "$server"
	wait "$server" || [ $? = 143 ] # it ends by the signal
	trouble_in server.log
}

program go-build "golang-go" "what it has built"
run_go_build() {
	export GOCACHE="$PWD/cache" GO111MODULE=off HOME="$PWD" GOFLAGS=-trimpath
	mkdir -p one
	printf 'package main\nimport "fmt"\nfunc main() { fmt.Println("built") }\n' >one/main.go
	go vet one/main.go
	go build -o kept/built one/main.go
	kept/built
	go list -f '{{.Name}} {{.Imports}}' fmt
}

# ---- for the driver alone: programs that are not the same under the library, each in the part that its name ends with, and one
# that world.sh runs without the library ----

run_differs_status() { [ -z "${LD_PRELOAD:-}" ]; }
run_differs_out() { echo "${LD_PRELOAD:-}"; }
run_differs_err() { echo "${LD_PRELOAD:-}" >&2; }
run_differs_kept() { echo "${LD_PRELOAD:-}" >kept/file; }
run_stranger() { cat /proc/self/comm; }
