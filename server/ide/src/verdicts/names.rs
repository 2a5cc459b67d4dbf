//! What functions of Go and of well-known libraries do, told by their names.

/// A test that waits until those before it, and enough of those beside it, are done.
pub(crate) fn waits_for_turn(func: &str) -> bool {
    func == "testing.(*T).Parallel"
}

/// `net.(*TCPListener).accept`, say.
pub(super) fn is_accept_of_net(func: &str) -> bool {
    func.starts_with("net.(*") && (func.ends_with(").accept") || func.ends_with(").Accept"))
}

/// Methods by which libraries read and write through the program's own types.
pub(super) const IO_METHODS: [&str; 14] = [
    "Read",
    "Write",
    "ReadFrom",
    "WriteTo",
    "Accept",
    "ReadByte",
    "Peek",
    "ReadAt",
    "WriteAt",
    "ReadRune",
    "WriteString",
    "Flush",
    "ReadMsgUDP",
    "ReadFromUDP",
];

/// Functions that give an answer to whoever calls them: who waits in one has asked.
pub(crate) fn gives_answer(func: &str) -> bool {
    const PREFIXES: [&str; 20] = [
        "net/http.(*Client).do",
        "net/http.(*Transport).roundTrip",
        "net/http.(*Transport).RoundTrip",
        "net/http.(*http2ClientConn)",
        "net/http/internal/http2.(*ClientConn)",
        "golang.org/x/net/http2.(*ClientConn)",
        "google.golang.org/grpc.(*ClientConn).Invoke",
        "database/sql.(*",
        "net.(*Dialer).Dial",
        "net.(*Resolver)",
        "os/exec.(*Cmd).Wait",
        "crypto/tls.(*Conn).Handshake",
        "crypto/tls.(*Conn).handshake",
        "net/rpc.(*Client).Call",
        "google.golang.org/grpc.invoke",
        "github.com/redis/go-redis/v9.(*baseClient).process",
        "github.com/go-redis/redis/v8.(*baseClient).process",
        "github.com/bradfitz/gomemcache/memcache.(*Client).",
        "github.com/nats-io/nats%2ego.(*Conn).Request",
        "github.com/jackc/pgx/v5.(*Conn).",
    ];
    PREFIXES.iter().any(|p| func.starts_with(p))
}

/// Functions that read packets of whoever sends some, and not what the other side of a connection says.
pub(super) fn reads_packets(func: &str) -> bool {
    const PREFIXES: [&str; 6] = [
        "net.(*UDPConn).ReadFrom",
        "net.(*UDPConn).ReadMsg",
        "net.(*IPConn).ReadFrom",
        "net.(*IPConn).ReadMsg",
        "net.(*UnixConn).ReadFrom",
        "golang.org/x/net/internal/socket.(*Conn).recvMsg",
    ];
    PREFIXES.iter().any(|p| func.starts_with(p))
}

/// Calls of the system that return when something has happened outside.
pub(super) fn watches(func: &str) -> bool {
    const NAMES: [&str; 7] = ["Read", "Select", "Pselect", "Poll", "Ppoll", "EpollWait", "Kevent"];
    ["syscall.", "golang.org/x/sys/unix."]
        .iter()
        .any(|package| func.strip_prefix(package).is_some_and(|name| NAMES.contains(&name)))
}

/// `net.(*Dialer).DialContext`, `websocket.Dial`, `smtp.DialTLS`: libraries name what opens a connection so.
pub(super) fn dials(func: &str) -> bool {
    let name = func.rsplit('.').next().unwrap_or_default();
    name.strip_prefix("Dial").is_some_and(|rest| !rest.starts_with(char::is_lowercase))
}

/// Functions that read what comes next over a connection that stays open.
pub(super) fn listens(func: &str) -> bool {
    const SOCKETS: [&str; 4] = [
        "github.com/coder/websocket.(*Conn).",
        "nhooyr.io/websocket.(*Conn).",
        "github.com/gorilla/websocket.(*Conn).",
        "golang.org/x/net/websocket.(*Conn).",
    ];
    func == "google.golang.org/grpc.(*serverStream).RecvMsg"
        || SOCKETS.iter().any(|of| {
            func.strip_prefix(of).is_some_and(|method| method.contains("Read") || method == "read")
        })
}

/// What reads from the connection of a handler of HTTP, and what reads the body of its request there. What a handler
/// reads without the latter comes over a connection that it took for itself, as a websocket does.
pub(super) const HTTP_READS: &str = "net/http.(*connReader).Read";
pub(super) const HTTP_BODY: &str = "net/http.(*body)";

/// Where a goroutine begins that serves a connection of HTTP, and what it answers through.
pub(super) const HTTP_SERVES: &str = "net/http.(*conn).serve";
pub(super) const HTTP_ANSWERS: &str = "net/http.checkConnErrorWriter.Write";

/// Where a goroutine of a library begins that calls the program for no request: a terminal's loop has what may come
/// next waited for so, a key or a line of a log.
pub(super) fn calls_for_events(func: &str) -> bool {
    const PACKAGES: [&str; 2] = ["github.com/charmbracelet/bubbletea", "charm.land/bubbletea"];
    PACKAGES.iter().any(|package| func.starts_with(package))
}

/// Where a goroutine begins that hears whether the client of a handler is still there.
pub(super) const HTTP_WATCHES: &str = "net/http.(*connReader).";

/// Functions that wait until the other side of a connection takes what is written.
pub(super) fn waits_to_write(func: &str) -> bool {
    const NAMES: [&str; 2] = [
        "google.golang.org/grpc.(*clientStream).SendMsg",
        "google.golang.org/grpc.(*serverStream).SendMsg",
    ];
    NAMES.contains(&func)
}

/// Where a client of gRPC waits for the next message of a stream.
pub(super) const GRPC_RECEIVES: &str = "google.golang.org/grpc.(*clientStream).RecvMsg";

/// Questions that are answered when there is something to be done.
pub(super) fn waits_for_work(func: &str) -> bool {
    const METHODS: [&str; 11] = [
        "BLPop",
        "BRPop",
        "BRPopLPush",
        "BLMove",
        "BLMPop",
        "BZPopMax",
        "BZPopMin",
        "BZMPop",
        "XRead",
        "XReadGroup",
        "WaitForNotification",
    ];
    func.rsplit('.').next().is_some_and(|method| METHODS.contains(&method))
}

/// Functions that give one of a limited number of things: who waits in one has work in hand.
pub(super) fn gives_slot(func: &str) -> bool {
    const NAMES: [&str; 4] = [
        "golang.org/x/sync/semaphore.(*Weighted).Acquire",
        "golang.org/x/sync/errgroup.(*Group).Go",
        "net/http.(*Transport).getConn",
        "database/sql.(*DB).conn",
    ];
    NAMES.contains(&func)
}

/// Functions that let so many go on in a second.
pub(super) fn limits_rate(func: &str) -> bool {
    const NAMES: [&str; 3] = ["Wait", "WaitN", "wait"];
    func.strip_prefix("golang.org/x/time/rate.(*Limiter).").is_some_and(|f| NAMES.contains(&f))
}
