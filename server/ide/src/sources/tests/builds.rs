//! Every way of building a program, and whether its files are found in what is open here.

use super::{check, workspace};

/// Each row: where a program was built, and what is open here. One case a kind, as the issue of an
/// editor that shows nothing would begin.
#[test]
fn every_way_of_building_a_program() {
    type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str, &'a str)]);
    let cases: [Case<'_>; 12] = [
        (
            "a container: another folder, the same tree",
            &["/ws=example.com/shop", "/ws/internal/db/pool.go", "/ws/cmd/shop/main.go"],
            &[
                (
                    "/app/internal/db/pool.go",
                    "example.com/shop/internal/db.F",
                    "?/ws/internal/db/pool.go Suffix",
                ),
                ("/build/src/cmd/shop/main.go", "main.main", "?/ws/cmd/shop/main.go Suffix"),
            ],
        ),
        (
            "-trimpath",
            &["/ws=example.com/shop", "/ws/internal/db/pool.go"],
            &[(
                "example.com/shop/internal/db/pool.go",
                "example.com/shop/internal/db.F",
                "/ws/internal/db/pool.go Module",
            )],
        ),
        (
            "vendor, and the same from the module cache",
            &["/ws=example.com/shop", "/ws/vendor/github.com/lib/pq/conn.go"],
            &[
                (
                    "example.com/shop/vendor/github.com/lib/pq/conn.go",
                    "github.com/lib/pq.F",
                    "/ws/vendor/github.com/lib/pq/conn.go Module",
                ),
                (
                    "/home/dev/go/pkg/mod/github.com/lib/pq@v1.10.0/conn.go",
                    "github.com/lib/pq.F",
                    "?/ws/vendor/github.com/lib/pq/conn.go Vendor|Outside(ModuleCache)",
                ),
            ],
        ),
        (
            "the module cache, not open",
            &["/ws=example.com/shop", "/ws/conn.go"],
            &[(
                "/home/dev/go/pkg/mod/github.com/lib/pq@v1.10.0/conn.go",
                "github.com/lib/pq.F",
                "Outside(ModuleCache)",
            )],
        ),
        (
            "GOROOT, of any version and place",
            &["/ws=example.com/shop", "/ws/net/http/server.go"],
            &[
                (
                    "/usr/lib/go-1.22/src/net/http/server.go",
                    "net/http.(*conn).serve",
                    "Outside(Goroot)",
                ),
                (
                    "/nix/store/abc-go-1.22.1/share/go/src/net/http/server.go",
                    "net/http.(*conn).serve",
                    "Outside(Goroot)",
                ),
                ("net/http/server.go", "net/http.(*conn).serve", "Outside(Goroot)"),
            ],
        ),
        (
            "a GOPATH",
            &["/ws=example.com/shop", "/ws/db/pool.go"],
            &[(
                "/home/ci/go/src/example.com/shop/db/pool.go",
                "example.com/shop/db.F",
                "?/ws/db/pool.go Module",
            )],
        ),
        (
            "/v2, in the path and in no folder",
            &["/ws=example.com/shop/v2", "/ws/db/pool.go"],
            &[
                (
                    "example.com/shop/v2/db/pool.go",
                    "example.com/shop/v2/db.F",
                    "/ws/db/pool.go Module",
                ),
                (
                    "/home/dev/go/pkg/mod/example.com/shop/v2@v2.1.0/db/pool.go",
                    "example.com/shop/v2/db.F",
                    "Outside(ModuleCache)",
                ),
            ],
        ),
        (
            "Windows",
            &["c:/ws=example.com/shop", "c:/ws/db/pool.go"],
            &[
                ("C:/ws/db/pool.go", "example.com/shop/db.F", "c:/ws/db/pool.go Exact"),
                (
                    "D:\\a\\shop\\shop\\db\\pool.go",
                    "example.com/shop/db.F",
                    "?c:/ws/db/pool.go Suffix",
                ),
            ],
        ),
        (
            "//line: a template's line, a relative name, another Go file",
            &["/ws=example.com/shop", "/ws/parse/grammar.go", "/ws/parse/real.go"],
            &[
                ("/ws/parse/grammar.y", "example.com/shop/parse.F", "Unmapped"),
                ("grammar.y", "example.com/shop/parse.F", "Unmapped"),
                ("/ws/parse/real.go", "example.com/shop/parse.F", "/ws/parse/real.go Exact"),
                ("real.go", "example.com/shop/parse.F", "?/ws/parse/real.go Suffix"),
            ],
        ),
        (
            "cgo and what go test makes",
            &["/ws=example.com/shop", "/ws/c.go"],
            &[
                ("_cgo_gotypes.go", "main._Cfunc_f", "NoFile"),
                ("/ws/c.go", "main.f", "/ws/c.go Exact"),
                ("_testmain.go", "main.main", "NoFile"),
            ],
        ),
        (
            "several modules in one folder",
            &["/ws/a=example.com/a", "/ws/b=example.com/b", "/ws/a/run.go", "/ws/b/run.go"],
            &[
                ("example.com/b/run.go", "example.com/b.F", "/ws/b/run.go Module"),
                ("/src/a/run.go", "example.com/a.F", "?/ws/a/run.go Suffix"),
                ("/src/run.go", "example.com/a.F", "Unmapped"),
            ],
        ),
        (
            "Bazel",
            &["/ws=example.com/shop", "/ws/db/pool.go"],
            &[(
                "/home/dev/.cache/bazel/_bazel_dev/abc/sandbox/linux-sandbox/7/execroot/_main/db/pool.go",
                "example.com/shop/db.F",
                "?/ws/db/pool.go Suffix",
            )],
        ),
    ];
    let mut n = 0;
    for (_, files, rows) in cases {
        check(&workspace(files), rows);
        n += rows.len();
    }
    assert!(n >= 24);
}
