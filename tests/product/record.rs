//! `waitline record`, against Go and against programs that serve traces, and worse.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::product::{Run, program, run, testdata};

const LIMIT: Duration = Duration::from_secs(120);

fn in_dir<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> Run {
    let mut command = program();
    command.arg("record").args(args).current_dir(dir).env("GOFLAGS", "");
    run(command, LIMIT)
}

pub(crate) fn has_go() -> bool {
    let found = Command::new("go").arg("version").stdout(Stdio::null()).status();
    let has = found.is_ok_and(|status| status.success());
    if !has {
        eprintln!("skipped: there is no Go on this machine");
    }
    has
}

/// A module with a package whose tests pass, fail, panic and take long, and others that have none or
/// do not build.
pub(crate) fn module() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("go.mod", "module example.com/rec\n\ngo 1.21\n");
    write("none/none.go", "package none\n");
    write("broken/broken_test.go", "package broken\n\nvar x = y\n");
    write(
        "some/some_test.go",
        "package some\n\nimport (\n\t\"sync\"\n\t\"testing\"\n\t\"time\"\n)\n
func TestPasses(t *testing.T) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			mu.Lock()
			time.Sleep(5 * time.Millisecond)
			mu.Unlock()
		}()
	}
	wg.Wait()
}

func TestFails(t *testing.T)  { time.Sleep(time.Millisecond); t.Error(\"no\") }
func TestPanics(t *testing.T) { panic(\"oh\") }
func TestLong(t *testing.T)   { time.Sleep(time.Minute) }
",
    );
    dir
}

/// Every file below a folder, but Go's and ours.
fn left(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => names.extend(left(&entry.path())),
            false => names.push(entry.file_name().into_string().unwrap()),
        }
    }
    names.retain(|name| !name.ends_with(".go") && name != "go.mod");
    names.sort();
    names
}

#[test]
fn a_test_outside_of_a_module_says_what_lacks() {
    if !has_go() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a_test.go"), "package a\n").unwrap();
    let run = in_dir(dir.path(), ["test", "."]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("there is no Go module here"), "{}", run.stderr);
}

#[test]
fn tests_are_recorded_also_those_that_fail() {
    if !has_go() {
        return;
    }
    let dir = module();
    let root = dir.path();
    // The arguments, the exit code, what is said, and the traces that are there then.
    type Case<'a> = (&'a [&'a str], i32, &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 12] = [
        (&["test", "./none"], 1, "no tests to record", &[]),
        (&["test", "./broken"], 1, "does not build: ./broken_test.go:3:9", &[]),
        (&["test", "./some", "-run", "Nobody"], 1, "called Nobody", &[]),
        (&["test", "./..."], 1, "one package", &[]),
        (&["test", "./no/such"], 1, "no such folder", &[]),
        (&["test", "example.com/rec/no"], 1, "Go knows no such package", &[]),
        (&["test", "./some", "-o", "none/none.go"], 1, "it stays", &[]),
        (&["test", "./some", "-o", "no/dir/t"], 1, "cannot be written", &[]),
        (&["test", "./some", "-run", "Passes"], 0, "next: waitline report", &["trace.out"]),
        (
            &["test", "./some", "-run=Fails", "-o", "f.trace"],
            0,
            "TestFails failed",
            &["f.trace", "trace.out"],
        ),
        (
            &["test", "example.com/rec/some", "--run", "Panics"],
            0,
            "TestPanics failed",
            &["f.trace", "trace.out"],
        ),
        (
            &["test", "some/some_test.go", "-run", "Passes", "--", "-count=2", "-v"],
            0,
            "=== RUN   TestPasses",
            &["f.trace", "trace.out"],
        ),
    ];
    let n = cases.len();
    for (args, code, said, files) in cases {
        let run = in_dir(root, args);
        assert_eq!(run.code, Some(code), "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{args:?}: {}", run.stderr);
        assert_eq!(left(root), files, "{args:?}");
        assert_eq!(run.text().contains(" events · "), code == 0, "{args:?}: {}", run.text());
    }
    assert!(root.join("some/trace.out").is_file(), "in the package's folder");
    let report = {
        let mut command = program();
        command.args(["report", "some/trace.out"]).current_dir(root);
        crate::product::run(command, LIMIT)
    };
    assert!(report.text().contains("some/some_test.go:16"), "{}", report.text());
    let mut without = program();
    without.args(["record", "test", "./some"]).current_dir(root).env("PATH", "/no/such");
    let without = run(without, LIMIT);
    assert!(without.stderr.contains("no go on PATH"), "{}", without.stderr);
    eprintln!("{n} recordings of tests, and one without Go");
}

/// Ctrl+C ends the test and what it runs, and leaves nothing behind.
#[test]
#[cfg(unix)]
fn an_interrupt_ends_the_test() {
    if !has_go() {
        return;
    }
    let dir = module();
    let mut child = program()
        .args(["record", "test", "./some", "-run", "Long", "--", "-v"])
        .current_dir(dir.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("=== RUN   TestLong")));
    let from = Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest:?}");
    assert!(from.elapsed() < Duration::from_secs(10), "{:?}", from.elapsed());
    assert!(rest.iter().any(|line| line.contains("was cancelled")), "{rest:?}");
    assert!(left(dir.path()).is_empty(), "{:?}", left(dir.path()));
}

/// Serves one answer to each connection, on its own thread. Gives the address.
fn serve(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            let mut line = String::new();
            while request.read_line(&mut line).is_ok_and(|n| n > 2) {
                if first.is_empty() {
                    first = line.clone();
                }
                line.clear();
            }
            answer(first.split(' ').nth(1).unwrap_or_default(), &mut stream);
        }
    });
    address
}

fn head(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n")
}

#[test]
fn programs_that_serve_no_trace_are_told_of_and_nothing_is_kept() {
    let trace = std::fs::read(testdata("traces/g126/leak.trace")).unwrap();
    let whole = trace.clone();
    let other = serve(|_, _| panic!("another host is never asked"));
    let away = other.clone();
    let address = serve(move |path, stream| {
        let ok = head("200 OK", "");
        let _ = match path.split('?').next().unwrap() {
            "/debug/pprof/trace" => {
                stream.write_all(head("200 OK", "Content-Type: x\r\n").as_bytes()).unwrap();
                // In small parts, the first shorter than what a trace begins with.
                for part in [&whole[..3], &whole[3..4], &whole[4..]] {
                    stream.write_all(part).unwrap();
                    stream.flush().unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                }
                Ok(())
            }
            "/broken" => {
                let length = format!("Content-Length: {}\r\n", whole.len());
                stream.write_all(head("200 OK", &length).as_bytes()).unwrap();
                stream.write_all(&whole[..whole.len() - 100])
            }
            "/empty" => stream.write_all(ok.as_bytes()),
            "/short" => stream.write_all(format!("{ok}go 1").as_bytes()),
            "/page" => stream.write_all(
                format!("{}<html>\x1b[31m hi", head("200 OK", "Content-Type: text/html\r\n"))
                    .as_bytes(),
            ),
            "/none" => stream.write_all(head("404 Not Found", "").as_bytes()),
            "/busy" => stream.write_all(
                format!("{}tracing is already enabled\n", head("500 Oh", "")).as_bytes(),
            ),
            "/away" => stream.write_all(
                head("302 Found", &format!("Location: http://localhost:{}/\r\n", &away[10..]))
                    .as_bytes(),
            ),
            "/round" => stream.write_all(head("302 Found", "Location: /round\r\n").as_bytes()),
            "/file" => {
                stream.write_all(head("302 Found", "Location: file:///etc/passwd\r\n").as_bytes())
            }
            "/noise" => stream.write_all(&[7; 4096]),
            "/headers" => {
                let header = "X-Header: x\r\n".repeat(100_000);
                stream.write_all(head("200 OK", &header).as_bytes())
            }
            // What Go says to TLS on a port without.
            "" => stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n"),
            other => panic!("asked for {other}"),
        };
    });
    let dir = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let at = |path: &str| format!("http://{address}{path}");
    let cases = [
        (at("/empty"), "answered with nothing"),
        (at("/short"), "answered with nothing"),
        (at("/page"), "no execution trace but text/html, which begins: <html>"),
        (at("/none"), "answered 404"),
        (at("/busy"), "answered 500: tracing is already enabled"),
        (at("/away"), "another host, localhost"),
        (at("/round"), "leads on and on"),
        (at("/file"), "only http and https"),
        (at("/noise"), "no HTTP"),
        (at("/headers"), "no HTTP"),
        (format!("http://{nobody}"), "nothing listens there"),
        (format!("https://{address}"), "no TLS"),
        ("ftp://x/y".to_owned(), "only http and https"),
        ("http://[".to_owned(), "no address"),
        ("unix:///run/x".to_owned(), "only http and https"),
    ];
    let n = cases.len();
    for (url, said) in cases {
        let run = in_dir(dir.path(), ["url", &url, "--seconds", "1"]);
        assert_eq!(run.code, Some(1), "{url}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{url}: {}", run.stderr);
        assert!(!run.stderr.contains('\x1b'), "{url}: {:?}", run.stderr);
        assert_eq!(run.stderr.trim_end().lines().count(), 1, "{url}: {}", run.stderr);
        assert!(left(dir.path()).is_empty(), "{url} leaves {:?}", left(dir.path()));
    }
    for seconds in ["0", "601", "-1", "x"] {
        let run = in_dir(dir.path(), ["url", &address, "--seconds", seconds]);
        assert_eq!(run.code, Some(2), "{seconds}: {}", run.stderr);
    }
    // Sound ones: by the address alone, and what came before the program ended.
    let run = in_dir(dir.path(), ["url", &address, "--seconds", "1"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(std::fs::read(dir.path().join("trace.out")).unwrap(), trace);
    let run = in_dir(dir.path(), ["url", &at("/broken"), "--seconds", "1", "-o", "b.trace"]);
    assert!(run.stderr.contains("the connection broke"), "{}", run.stderr);
    assert_eq!(std::fs::read(dir.path().join("b.trace")).unwrap(), trace[..trace.len() - 100]);
    assert_eq!(left(dir.path()), ["b.trace", "trace.out"]);
    eprintln!("{n} addresses without a trace are told of, 2 with one are recorded");
}

/// A program that accepts and says nothing: an interrupt ends the wait, and the connection.
#[test]
#[cfg(unix)]
fn an_interrupt_ends_a_wait_for_a_silent_program() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let mut child = program()
        .args(["record", "url", &address, "--seconds", "60"])
        .current_dir(dir.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut lines = BufReader::new(&stream).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("GET /debug/pprof/trace?seconds=60 "));
    let from = Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(lines.all(|line| line.is_ok()), "the connection ends");
    assert!(from.elapsed() < Duration::from_secs(5), "{:?}", from.elapsed());
    assert!(left(dir.path()).is_empty(), "{:?}", left(dir.path()));
}
