//! What the machine says of itself and of a process.

use std::fs;

/// Runnable tasks over the last minute.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

/// Cores, model and memory.
pub(crate) fn facts() -> String {
    let cores = std::thread::available_parallelism().unwrap();
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let memory = field(&fs::read_to_string("/proc/meminfo").unwrap(), "MemTotal:") >> 20;
    format!("{cores} cores ({model}), {memory} GiB of memory")
}

/// Resident memory of a process in MB, now and at most.
pub(crate) fn resident(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let megabytes = |name| field(&status, name) as f64 * 1024.0 / 1e6;
    (megabytes("VmRSS:"), megabytes("VmHWM:"))
}

/// Processor time that a process has used, in seconds; the kernel counts in hundredths.
pub(crate) fn processor_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2).map(|n| n.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

fn field(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    rest.split_whitespace().next().unwrap().parse().unwrap()
}
