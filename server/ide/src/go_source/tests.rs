#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

/// The line of the one comment `//` with this mark.
fn line_of(text: &str, mark: &str) -> u32 {
    let mark = format!("//{mark}");
    let lines: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| line.ends_with(&mark))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(lines.len(), 1, "{mark}");
    u32::try_from(lines[0]).unwrap()
}

/// Each line with a comment `//= …` holds just these operations.
fn check_operations(text: &str) {
    let source = GoSource::parse(text);
    for (at, line) in text.lines().enumerate() {
        if let Some((_, expected)) = line.split_once("//=") {
            let operations = source.operations_at(u32::try_from(at).unwrap());
            assert_eq!(format!("{operations:?}"), expected.trim(), "{line}");
        }
    }
}

#[test]
fn functions_have_the_names_of_a_trace() {
    let text = "// Package p is\npackage p // really\n\nfunc f() {}\n\nfunc (t *T) M() {\n\t_ = 1\n}\n\
                func (T) V() {}\nfunc (c *Cache[K, V]) Get(k K) V {\n\treturn c.m[k]\n}\n\
                func (p Pair[_]) Sum() {}\nfunc Map[T any](in []T) {}\nfunc (x (*(W))) P() {}\n\
                func asm(x int) int\n";
    let source = GoSource::parse(text);
    let names: Vec<&str> = source.functions().iter().map(|f| f.name.as_str()).collect();
    assert_eq!(
        names,
        ["f", "(*T).M", "T.V", "(*Cache[...]).Get", "Pair[...].Sum", "Map[...]", "(*W).P", "asm"]
    );
    assert_eq!(source.package(), Some("p"));
    assert!(!source.has_errors());
    assert_eq!(source.unknown(), None);
    let method = &source.functions()[1];
    assert_eq!((method.name_line, method.name_columns.clone()), (5, 12..13));
    assert_eq!(method.lines, LineSpan { first: 5, last: 7 });
    assert_eq!(source.function_at(6), Some(method));
    assert_eq!(source.function_at(4), None);
}

#[test]
fn operations_are_those_of_the_line() {
    check_operations(
        r#"package p

var table = map[string]int{} //= alloc

func f(ch chan int, mu *sync.Mutex) { //=
	ch <- 1 //= send
	x := <-ch //= receive
	for v := range ch { //= range
		x += v //= alloc
	} //= close_brace
	for i := 0; i < 3; i++ { //=
		x += 1 //=
	}
	select { //= select
	case ch <- 2: //= send
	case y, ok := <-ch: //= receive
		_ = y
	} //=
	mu.Lock() //= lock call
	defer mu.Unlock() //= call defer
	s.writeLock() //= lock call
	go f(ch, mu) //= call go alloc
	defer func() { //= call defer alloc
		recover() //=
	}() //= call close_brace
	n := len(s) + int(x) //= alloc
	b := make([]byte, n) //= alloc
	b = append(b, 1) //= alloc
	t := &T{ //= alloc
		a: g(), //= call
	}
	s += "x" //= alloc
	c := []byte(s) //= alloc
	var buf bytes.Buffer //= alloc
	m[s] = 1 //= alloc
	generic[int](x) //= call alloc
	client. //= call
		Get(). //= call
		Do(x) //= lock call
	return //= return
} //= close_brace

type codec struct {
	decode, Close func()
}

func (c *codec) Close(run func()) { //=
	run() //= call value
	send := c.Close //=
	send() //= call value
	c.decode(1) //= call value
	c.Close(nil) //= call
	c.other(nil) //= call
	handler(1)(2) //= call value
	for _, f := range all { //= range
		go f() //= call go alloc value
	} //= close_brace
} //= close_brace

func g() { //=
	run() //= call
} //= close_brace
"#,
    );
}

#[test]
fn lines_end_as_lsp_says() {
    let source = GoSource::parse("package p;\r/* a */\rfunc f() {\r\n\tch <- 1\n}\n");
    assert_eq!(source.operations_at(3), Operations::SEND);
    assert_eq!(source.function_at(3).map(|f| f.lines), Some(LineSpan { first: 2, last: 4 }));
    assert_eq!(source.function_at(3).map(|f| f.name_columns.clone()), Some(5..6));
}

const FRAMES: &str = r#"package pkg

//go:linkname sleep time.Sleep
func sleep() {
	park() //linked
}

var a = g() //var

var b = func() {
	<-ch //varliteral
}

func init() {
	<-ch //init
	func() {
		<-ch //initliteral
	}()
}

func f() {
	<-ch //f
	go g(1) //go
	x := func() {
		<-ch //literal
	}
	for v := range seq {
		<-ch //range
	}
}

func (t *T) M() {
	<-ch //M
	defer t.close(1) //defer
	func() {
		<-ch //Mliteral
	}()
}

func (t V) N() {
	<-ch //N
}

func (c *Cache[K]) Get() {
	<-ch //Get
	func() {
		<-ch //Getliteral
	}()
}

func Map[T any]() {
	<-ch //Map
}

func func1() {
	<-ch //func1
}
"#;

#[test]
fn frames_stand_where_their_function_is() {
    let source = GoSource::parse(FRAMES);
    // What the compiler and runtime of Go 1.19 to 1.27 write, and the lines it may stand on.
    let cases: &[(&str, &str)] = &[
        ("example.com/x/pkg.f", "f go literal range"),
        ("example.com/x/pkg.f.func1", "go literal"),
        ("example.com/x/pkg.f.func2.1", "go literal"),
        ("example.com/x/pkg.f.gowrap1", "go"),
        ("example.com/x/pkg.f·dwrap·1", "go"),
        ("example.com/x/pkg.f-range1", "range"),
        ("example.com/x/pkg.f.func1-range1", "range"),
        ("example.com/x/pkg.(*T).M", "M defer Mliteral"),
        ("example.com/x/pkg.(*T).M-fm", "M defer Mliteral"),
        ("example.com/x/pkg.(*T).M.deferwrap1", "defer"),
        ("example.com/x/pkg.(*T).M.func1", "defer Mliteral"),
        ("example.com/x/pkg.M", ""),
        ("example.com/x/pkg.(*U).M", ""),
        ("example.com/x/pkg.V.N", "N"),
        ("example.com/x/pkg.(*Cache[...]).Get", "Get Getliteral"),
        ("example.com/x/pkg.(*Cache[...]).Get.func1", "Getliteral"),
        ("example.com/x/pkg.(*Cache[go.shape.struct { a/b.c int }]).Get", "Get Getliteral"),
        ("example.com/x/pkg.Map[...]", "Map"),
        ("example.com/x/pkg.func1", "func1"),
        ("example.com/x/pkg.init", "var varliteral init initliteral"),
        ("example.com/x/pkg.init.0", "var varliteral init initliteral"),
        ("example.com/x/pkg.init.0.func1", "varliteral initliteral"),
        ("example.com/x/pkg.init.func1", "varliteral initliteral"),
        ("example.com/x/pkg.glob..func1", "varliteral"),
        ("example.com/x/pkg.map.init.0", "var varliteral"),
        // A closure of f, inlined elsewhere: another package's name, and this one's function.
        ("other.org/y/q.main.f.func3", "go literal"),
        ("other.org/y/q.(*A).B.(*T).M.func1", "defer Mliteral"),
        ("other.org/y/q.f.main.func1", ""),
        ("other.org/y/q.f", ""),
        ("time.Sleep", "linked"),
        ("example.com/x/pkg.sleep", "linked"),
        ("example.com/x/pkg.g", ""),
        ("type:.eq.example.com/x/pkg.T", ""),
        ("pkg", ""),
        ("pkg.", ""),
        (".f", ""),
        ("", ""),
    ];
    let marks = FRAMES.lines().filter_map(|line| line.split_once(" //").map(|(_, mark)| mark));
    for &(func, expected) in cases {
        let lines: Vec<&str> = marks
            .clone()
            .filter(|mark| source.may_be_file_of(func, line_of(FRAMES, mark)))
            .collect();
        assert_eq!(lines.join(" "), expected, "{func}");
    }
}

#[test]
fn a_package_clause_fits_its_import_path() {
    let cases: &[(&str, &str, bool)] = &[
        ("main", "main.f", true),
        ("main", "example.com/cmd/x.f", true),
        ("x", "main.f", false),
        ("http", "net/http.f", true),
        ("http_test", "net/http_test.f", true),
        ("yaml", "gopkg.in/yaml%2ev3.f", true),
        ("clientv3", "go.etcd.io/etcd/client/v3.f", true),
        ("klog", "k8s.io/klog/v2.f", true),
        ("v1", "k8s.io/api/core/v1.f", true),
        ("v2", "k8s.io/api/core/v1.f", false),
        ("sqlite3", "github.com/mattn/go-sqlite3.f", true),
        ("nats", "github.com/nats-io/nats%2ego.f", true),
        ("vegeta", "github.com/tsenart/vegeta/v12/lib.f", true),
        ("nats", "github.com/nats-io/nats%2ego/src.f", true),
        ("tsenart", "github.com/tsenart.f", true),
        ("lib2", "github.com/tsenart/vegeta/v12/src.f", false),
        ("a", "example.com/b.f", false),
        ("v2", "example.com/b.f", false),
    ];
    for &(clause, func, expected) in cases {
        let source = GoSource::parse(&format!("package {clause}\nfunc f() {{}}\n"));
        assert_eq!(source.may_be_file_of(func, 1), expected, "package {clause}, {func}");
        // A file that is known by its path holds its functions, whatever it is called.
        assert!(source.holds_frame(func, 1), "package {clause}, {func}");
    }
}

#[test]
fn broken_code_keeps_what_can_be_understood() {
    let text = "package p\nfunc f() {\n\tch <- \n}\nfunc g() {\n\t<-ch\n}\n";
    let source = GoSource::parse(text);
    assert!(source.has_errors());
    assert!(source.holds_frame("p.g", 5));
    for text in ["", "func", "package", "\u{feff}package p", "func (", "func ()f(", "{{{{", "\0"] {
        let source = GoSource::parse(text);
        assert_eq!(source.unknown(), None, "{text:?}");
        assert!(!source.may_be_file_of("p.f", 0));
    }
}

#[test]
fn limits_leave_nothing_and_say_so() {
    let large = GoSource::parse(&" ".repeat(MAX_BYTES + 1));
    assert_eq!(large.unknown(), Some(Unknown::TooLarge));
    let text = format!("package p\n{}", "func f() { g(1, 2, 3) }\n".repeat(1_000));
    let slow = GoSource::parse_while(&text, &mut |_| false);
    assert_eq!(slow.unknown(), Some(Unknown::TooSlow));
    assert!(slow.functions().is_empty() && slow.package().is_none());
    assert!(!slow.holds_frame("p.f", 1));
}

/// Noise makes the parser search for a way to understand it, which must come to an end.
#[test]
fn noise_ends_when_asked_to() {
    let pieces =
        ["{", "}", "(", ")", "[", "]", "<-", "=", ":", ";", "\n", " a", "1", " func ", " go "];
    let mut state = 1_u32;
    let text: String = (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            pieces[(state >> 16) as usize % pieces.len()]
        })
        .collect();
    // Whoever asks to stop is heard, however little was understood.
    let mut asked = 0;
    let source = GoSource::parse_while(&text, &mut |_| {
        asked += 1;
        asked < 100
    });
    assert_eq!(source.unknown(), Some(Unknown::TooSlow));
    assert_eq!(asked, 100);
}

/// A tree as deep as the text is long must not need a stack of that depth.
#[test]
fn nesting_costs_no_stack() {
    let depth = 20_000;
    let text =
        format!("package p\nfunc f() {{ x = {}1{} }}\n", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(GoSource::parse(&text).unknown(), None);
}

#[test]
fn selects_have_their_cases() {
    use Awaits::{Any, Clock, Context, Receiver, Sender};
    let text = r#"package p

func f(ctx context.Context, in <-chan int, due <-chan time.Time, h *hub) {
	tick := time.NewTicker(d).C
	done := ctx.Done()
	select { //one
	case h.out[3] <- 1:
		a()
		b()
	case x, ok := <-in: // with a word
	case <-(tick):
	case <-due:

	case <-done:
		go func() {
			select { //inner
			case <-r.Context().Done():
			case <-h.quit.Done():
				return
			}
		}()
	}
	select { //never waits
	case <-in:
	default:
	}
	select { case <-in: //two
	case <-time.After(d): }
	for {
		select { //only
		case <-in:
		}
	}
}

func g(tick chan int, h *hub) {
	done := make(chan bool)
	run(func() { done := ctx.Done(); <-done })
	t := time.NewTimer(d)
	select { //other
	case <-tick:
	case <-done:
	case <-t.C:
	case <-h.C:
	}
	own := make(chan int)
	own <- 1 //own
	close(own) //own too
	close(done) //another
	h.out <- 1 //field
}
"#;
    let source = GoSource::parse(text);
    assert!(!source.has_errors());
    let line = |mark: &str| line_of(text, mark);
    let select = |mark: &str| source.select_at(line(mark)).unwrap_or_else(|| panic!("{mark}"));
    let cases = |mark: &str| -> Vec<(u32, [u32; 2], Awaits, &str)> {
        let select = select(mark);
        let cases = select.cases.iter();
        let of = |case: &Case| {
            let body = [case.body.start, case.body.end].map(|line| line - select.line);
            let text = text.get(case.communication.clone()).unwrap();
            (case.line - select.line, body, case.awaits, text)
        };
        cases.map(of).collect()
    };
    assert_eq!(
        cases("one"),
        [
            (1, [2, 4], Receiver, "h.out[3] <- 1"),
            (4, [5, 5], Sender, "x, ok := <-in"),
            (5, [6, 6], Clock, "<-(tick)"),
            (6, [7, 8], Any, "<-due"),
            (8, [9, 16], Context, "<-done"),
        ]
    );
    let inner = [(1, [2, 2], Context, "<-r.Context().Done()"), (2, [3, 4], Any, "<-h.quit.Done()")];
    assert_eq!(cases("inner"), inner);
    assert_eq!(cases("two"), [(0, [1, 1], Sender, "<-in"), (1, [2, 2], Clock, "<-time.After(d)")]);
    // Variables are those of their function, and of several values none is sure.
    let other = [
        (1, [2, 2], Sender, "<-tick"),
        (2, [3, 3], Any, "<-done"),
        (3, [4, 4], Clock, "<-t.C"),
        (4, [5, 5], Any, "<-h.C"),
    ];
    assert_eq!(cases("other"), other);
    let names = |mark: &str| -> Vec<&str> {
        select(mark).cases.iter().map(|case| case.channel.name.as_str()).collect()
    };
    // Parameters are spoken of otherwise elsewhere.
    assert_eq!(names("one"), ["out", "", "", "", "done"]);
    assert_eq!(names("inner"), ["", ""]);
    for mark in ["never waits", "only"] {
        assert_eq!(source.select_at(line(mark)), None, "{mark}");
    }
    let one = select("one");
    let at = |after: u32| one.case_at(one.line + after);
    assert_eq!(
        [0, 1, 2, 3, 4, 7, 15, 16].map(at),
        [None, None, Some(0), Some(0), None, Some(3), Some(4), None]
    );
    let like = |a: u32, b: u32| {
        let of = |line| source.channels_at(line).next().unwrap();
        of(a).is_like(of(b))
    };
    assert!(like(line("one") + 1, line("field")) && like(line("own"), line("own too")));
    assert!(!like(line("one") + 8, line("another")) && !like(line("own"), line("another")));
}
