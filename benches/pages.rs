//! When a browser first paints each page of a store of all of Shakespeare's plays, beside a plain page
//! of a few words without style or script, which says what the browser itself needs.
//!
//! `cargo bench --bench pages` takes the medians of five loads, each without cache; `-- 9` of nine. The
//! store is made of `../shared/data/shakespeare.events.jsonl.zst` where that lies beside the
//! checkout, or of the file that `BACKSTITCH_PLAYS` names. The goal is a first paint within 100 ms.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark"
)]
#![allow(dead_code, unreachable_pub, reason = "what tests share is not all used here")]

#[path = "../tests/browser/driver.rs"]
mod driver;
#[path = "../tests/support/program.rs"]
mod program;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use backstitch::engine::{Engine, Options};
use backstitch::history::Means;
use backstitch::snapshot::Expected;

use driver::{Browser, Script};
use program::Server;

/// First paint, and when the answer's last byte came, in milliseconds; and all bytes that came.
const TIMES: &str = "const [load] = performance.getEntriesByType('navigation');
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    const files = performance.getEntriesByType('resource').filter((one) => !one.name.endsWith('/progress'));
    return [paint?.startTime ?? null, load.responseEnd, [load, ...files].reduce((sum, one) => sum + one.transferSize, 0)]";

#[tokio::main]
async fn main() {
    let loads = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let Some(plays) = plays() else { return };
    let Some(browser) = Browser::start(Script::On).await else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let pages = furnish(folder.path(), &plays);
    let server = Server::start(folder.path(), &["--snapshot-events", "1000000"]);
    browser.tell("Network.enable", serde_json::json!({})).await;
    browser.tell("Network.setCacheDisabled", serde_json::json!({ "cacheDisabled": true })).await;
    let [plain, ..] = measure(&browser, &plain_page(), loads).await;
    println!("a plain page: first paint after {plain:.0} ms; medians of {loads} loads\n");
    println!("| page | first paint ms | × the plain page | answered ms | KB |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for (name, path) in pages {
        let [paint, answered, bytes] = measure(&browser, &format!("{}/{path}", server.address), loads).await;
        println!("| {name} | {paint:.0} | {:.1} | {answered:.0} | {:.1} |", paint / plain, bytes / 1e3);
    }
    browser.close().await;
}

fn plays() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/shakespeare.events.jsonl.zst");
    let path = std::env::var_os("BACKSTITCH_PLAYS").map_or(beside, PathBuf::from);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// Fills a store, and gives its pages.
fn furnish(folder: &Path, plays: &Path) -> Vec<(&'static str, String)> {
    let store = Engine::open(Options::new(folder)).unwrap();
    let lines = zstd::stream::read::Decoder::new(std::fs::File::open(plays).unwrap()).unwrap();
    let head = store.append_lines(std::io::BufReader::new(lines)).unwrap().last_id;
    let snapshot = store.take_snapshot(None, false, Means::Page).unwrap().snapshot.snapshot_id;
    let renamed = |n: usize| {
        format!("{{\"kind\": \"you_updated\", \"payload\": {{\"name\": \"Reader {n}\", \"persona\": \"\"}}}}\n")
    };
    store.append_lines((0..100).map(renamed).collect::<String>().as_bytes()).unwrap();
    store.execute_rewind(head + 50, Expected::default(), Means::Page).unwrap();
    let backup = store.create_backup(false, Means::Page).unwrap().backup.stamp;
    let back = head - 200;
    vec![
        ("overview", String::new()),
        ("snapshots", "snapshots".into()),
        ("plan", format!("snapshots/{snapshot}/preview?kind=periodic")),
        ("rows of a plan", format!("snapshots/{snapshot}/diff?kind=periodic&table=memories")),
        ("events", "events".into()),
        ("events found", "events?q=silence".into()),
        ("event", format!("events/{back}")),
        ("plan of a rewind", format!("rewind?after_event_id={back}")),
        ("tables", "state".into()),
        ("table", "state/memories".into()),
        ("table as of an event", format!("state/memories?at={back}")),
        ("tables and log", "projection".into()),
        ("history", "history".into()),
        ("plan of an undo", "history/2/undo".into()),
        ("backups", "backups".into()),
        ("backup", format!("backups/{backup}")),
        ("help", "help".into()),
    ]
}

/// Medians of first paint and answer, and the bytes.
async fn measure(browser: &Browser, url: &str, loads: usize) -> [f64; 3] {
    let mut seen: [Vec<f64>; 3] = Default::default();
    // The first load is not counted: it warms what a person's second look finds warm too.
    for load in 0..=loads {
        browser.open(url).await;
        browser.painted().await;
        let times = browser.eval(TIMES).await;
        if load == 0 {
            continue;
        }
        for (of, time) in seen.iter_mut().zip(times.as_array().unwrap()) {
            of.push(time.as_f64().unwrap_or(f64::NAN));
        }
    }
    seen.map(|mut of| {
        of.sort_by(f64::total_cmp);
        of[of.len() / 2]
    })
}

/// The address of a page of a few words, answered from memory.
fn plain_page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let page = "<!doctype html><title>Plain</title><p>The rest is silence.";
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{page}", page.len());
        }
    });
    address
}
