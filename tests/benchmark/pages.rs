//! What `go tool trace` takes until its first page answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::programs::{Took, so_far};

/// Longer than it takes for what fits into memory.
const LIMIT: Duration = Duration::from_secs(600);

/// Opens a trace with it. An error tells why there was no page.
pub(crate) fn first_page(tool: &str, trace: &Path) -> Result<Took, String> {
    let from = Instant::now();
    let mut child = Command::new(tool)
        .arg("-http=127.0.0.1:0")
        .arg(trace)
        .env("BROWSER", "true") // the program of that name, which opens nothing
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (send, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // To its end, for a pipe that nobody reads would stop it.
        for line in stderr.lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    let mut last = String::new();
    let answered = loop {
        let left = LIMIT.saturating_sub(from.elapsed());
        let Ok(line) = said.recv_timeout(left) else { break Err(last) };
        if let Some((_, address)) = line.split_once("http://") {
            break page(address.trim()).map(|()| from.elapsed());
        }
        last = line;
    };
    let took = so_far(child.id());
    let _ = child.kill();
    let _ = child.wait();
    let (cpu, peak) = took.unwrap_or_default();
    Ok(Took { cpu, wall: answered?.as_secs_f64(), peak })
}

/// The page is there once its first bytes are.
fn page(address: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).map_err(|e| e.to_string())?;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|e| e.to_string())?;
    let mut first = [0; 12];
    stream.read_exact(&mut first).map_err(|e| e.to_string())?;
    match &first {
        b"HTTP/1.1 200" => Ok(()),
        other => Err(String::from_utf8_lossy(other).into_owned()),
    }
}
