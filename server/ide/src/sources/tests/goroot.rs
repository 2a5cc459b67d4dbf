//! Where the source of Go itself is found: outside, in a folder that is open, in another copy.

use super::{check, workspace};

#[test]
fn go_itself() {
    let workspace = workspace(&["/ws=example.com/m", "/ws/sync/mutex.go", "/ws/net/conn.go"]);
    let rows = [
        ("sync/mutex.go", "sync.(*Mutex).Lock", "Outside(Goroot)"),
        ("internal/poll/fd_mutex.go", "internal/poll.(*fdMutex).rwlock", "Outside(Goroot)"),
        ("vendor/golang.org/x/net/dns.go", "vendor/golang.org/x/net.F", "Outside(Goroot)"),
        // Inlined into another package.
        ("strings/iter.go", "github.com/x/procfs.f.SplitSeq.func1", "Outside(Goroot)"),
        ("/usr/local/go/src/sync/mutex.go", "sync.(*Mutex).Lock", "Outside(Goroot)"),
        ("/usr/lib/go-1.24/src/strings/iter.go", "x/procfs.f.SplitSeq.func1", "Outside(Goroot)"),
        ("/opt/hostedtoolcache/go/1.24.1/x64/src/net/conn.go", "x.f.func1", "Outside(Goroot)"),
        ("C:\\Program Files\\Go\\src\\net\\conn.go", "net.(*conn).Read", "Outside(Goroot)"),
        (
            "/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.24.0.linux-amd64/src/net/conn.go",
            "net.(*conn).Read",
            "Outside(Goroot)",
        ),
        ("golang.org/toolchain@v0.0.1-go1.24.0/src/net/conn.go", "x.F", "Outside(ModuleCache)"),
        // Users' packages of the same names.
        ("/home/me/src/sync/mutex.go", "example.com/m/sync.Lock", "?/ws/sync/mutex.go Suffix"),
        ("sync/mutex.go", "example.com/m/sync.Lock", "?/ws/sync/mutex.go Suffix"),
    ];
    check(&workspace, &rows);
}

#[test]
fn go_itself_in_a_root() {
    let mut workspace = workspace(&["/ws/src=std", "/ws/src/net/conn.go"]);
    workspace.goroot_src = Some("/ws/src".to_owned());
    check(
        &workspace,
        &[
            ("net/conn.go", "net.(*conn).Read", "/ws/src/net/conn.go Goroot"),
            ("/usr/local/go/src/net/conn.go", "net.(*conn).Read", "/ws/src/net/conn.go Goroot"),
            ("/ws/src/net/conn.go", "net.(*conn).Read", "/ws/src/net/conn.go Exact"),
            ("/ws/src/net/other.go", "net.f", "Outside(Goroot)"),
        ],
    );
}

#[test]
fn go_itself_somewhere_in_a_root() {
    let mut workspace = workspace(&[
        "/ws/go/src=std",
        "/ws/go/src/cmd=cmd",
        "/ws/go/src/net/conn.go",
        "/ws/go/src/net/conn_test.go",
        "/ws/go/src/runtime/proc.go",
        "/ws/go/src/sync/mutex.go",
        "/ws/go/src/sync/mutex_test.go",
        "/ws/go/src/cmd/compile/main.go",
        "/ws/go/src/cmd/vendor/golang.org/x/sys/unix/sys.go",
    ]);
    let go = |file: &str| format!("/ws/go/src/{file}");
    let (conn, mutex, main) = (go("net/conn.go"), go("sync/mutex.go"), go("cmd/compile/main.go"));
    let (test, proc) = (go("sync/mutex_test.go"), go("runtime/proc.go"));
    let program = (&*main, "main.main", "/ws/go/src/cmd/compile/main.go Exact");
    check(
        &workspace,
        &[
            (&*conn, "net.(*conn).Read", "Outside(Goroot)"),
            (&*mutex, "sync.(*Mutex).Lock", "Outside(Goroot)"),
            (&*proc, "runtime.main", "Outside(Goroot)"),
            (
                "/go/pkg/mod/golang.org/x/sys@v0.1.0/unix/sys.go",
                "golang.org/x/sys/unix.F",
                "?Outside(Goroot)|Outside(ModuleCache)",
            ),
            program,
        ],
    );
    for root in ["/ws/go", "/ws/go/src", "/ws/go/src/net"] {
        workspace.roots = vec!["/ws".to_owned(), root.to_owned()];
        check(
            &workspace,
            &[
                (&*conn, "net.(*conn).Read", "/ws/go/src/net/conn.go Exact"),
                (&*mutex, "sync.(*Mutex).Lock", "Outside(Goroot)"),
                (&*test, "sync.TestMutex", "/ws/go/src/sync/mutex_test.go Exact"),
                (&*proc, "runtime.main", "Outside(Goroot)"),
                program,
            ],
        );
    }
    workspace.roots = vec!["/ws".to_owned(), "/ws/go2".to_owned()];
    check(&workspace, &[(&*conn, "net.(*conn).Read", "Outside(Goroot)")]);
}

/// Built from Go's own source somewhere else, as a distribution's compiler is.
#[test]
fn another_copy_of_go_itself() {
    let mut workspace = workspace(&[
        "/ws/go/src=std",
        "/ws/go/src/cmd=cmd",
        "/ws/go/src/net/conn.go",
        "/ws/go/src/runtime/proc.go",
        "/ws/go/src/cmd/compile/internal/gc/compile.go",
        "/ws/go/src/cmd/vendor/golang.org/x/sys/unix/sys.go",
    ]);
    let program = "?/ws/go/src/cmd/compile/internal/gc/compile.go Goroot|Outside(Goroot)";
    let built = [
        ("/usr/lib/go-1.24/src/cmd/compile/internal/gc/compile.go", "cmd/compile/internal/gc.f"),
        ("/usr/lib/go-1.24/src/cmd/compile/internal/gc/compile.go", "main.main"),
        ("C:\\Go\\src\\cmd\\compile\\internal\\gc\\compile.go", "cmd/compile/internal/gc.f"),
    ];
    let vendored = "/usr/lib/go-1.24/src/cmd/vendor/golang.org/x/sys/unix/sys.go";
    let (conn, proc) = ("/usr/lib/go-1.24/src/net/conn.go", "/usr/lib/go-1.24/src/runtime/proc.go");
    let rows = |library, dependency| {
        let of_go = [
            (conn, "net.(*conn).Read", library),
            (proc, "runtime.main", "Outside(Goroot)"),
            (vendored, "golang.org/x/sys/unix.F", dependency),
        ];
        [built.map(|(file, func)| (file, func, program)), of_go].concat()
    };
    let outside = "Outside(Goroot)";
    check(&workspace, &rows(outside, outside));
    let library = "?/ws/go/src/net/conn.go Goroot|Outside(Goroot)";
    let vendored = "?/ws/go/src/cmd/vendor/golang.org/x/sys/unix/sys.go Vendor|Outside(Goroot)";
    for root in ["/ws/go", "/ws/go/src"] {
        workspace.roots = vec![root.to_owned()];
        check(&workspace, &rows(library, vendored));
    }
}
