//! What a piece of work costs: time on the wall, time on the processors, memory, bytes.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// The kernel counts processor time in hundredths of a second.
const TICK_MS: f64 = 10.0;

/// The cost of one piece of work.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) wall_ms: f64,
    /// User and system time of all threads.
    pub(crate) cpu_ms: f64,
    /// The highest memory in use while it ran, the program itself included.
    pub(crate) peak_mib: f64,
    /// Bytes that the work left on disk, where that says something.
    pub(crate) bytes: u64,
}

/// Runs `work` `times` times and gives the cost of one; for work too short to be timed alone.
pub(crate) fn measure_each(times: u32, mut work: impl FnMut()) -> Cost {
    // Sets the peak back to the memory in use now; where that is refused, the peak is of all.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (ticks, started) = (ticks(), Instant::now());
    for _ in 0..times {
        work();
    }
    let wall = started.elapsed().as_secs_f64() * 1e3;
    let cpu = (self::ticks() - ticks) * TICK_MS;
    let times = f64::from(times);
    Cost { wall_ms: wall / times, cpu_ms: cpu / times, peak_mib: status_mib("VmHWM:"), bytes: 0 }
}

/// Runs `work` once and gives its cost; `bytes` is counted afterwards.
pub(crate) fn measure(work: impl FnOnce(), bytes: impl FnOnce() -> u64) -> Cost {
    let mut work = Some(work);
    let cost = measure_each(1, || {
        if let Some(work) = work.take() {
            work();
        }
    });
    Cost { bytes: bytes(), ..cost }
}

/// Median times and bytes, and the highest peak.
pub(crate) fn median(costs: &[Cost]) -> Cost {
    let middle = |of: fn(&Cost) -> f64| {
        let mut all: Vec<f64> = costs.iter().map(of).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Cost {
        wall_ms: middle(|cost| cost.wall_ms),
        cpu_ms: middle(|cost| cost.cpu_ms),
        peak_mib: costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max),
        bytes: middle(|cost| cost.bytes as f64) as u64,
    }
}

fn ticks() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in brackets and may hold blanks.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum()
}

fn status_mib(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

/// The bytes of all files in a folder.
pub(crate) fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.metadata().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
