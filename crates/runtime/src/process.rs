//! CPU and memory of this process, from `/proc`. Without `/proc` nothing is recorded.

use std::fs;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

/// Name of the counter of CPU time.
pub const CPU: &str = "process.cpu.time";
/// Name of the gauge of resident memory.
pub const MEMORY: &str = "process.memory.usage";

/// Adds the two instruments to `meter`. `/proc` is read whenever they are.
pub(crate) fn observe(meter: &Meter) {
    meter
        .f64_observable_counter(CPU)
        .with_unit("s")
        .with_description("CPU time of the process, by mode: user, system")
        .with_callback(|observer| {
            if let Some(cpu) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| cpu(&text)) {
                observer.observe(cpu.user, &[KeyValue::new("cpu.mode", "user")]);
                observer.observe(cpu.system, &[KeyValue::new("cpu.mode", "system")]);
            }
        })
        .build();
    meter
        .i64_observable_up_down_counter(MEMORY)
        .with_unit("By")
        .with_description("Resident memory of the process")
        .with_callback(|observer| {
            if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|text| resident(&text)) {
                observer.observe(bytes, &[]);
            }
        })
        .build();
}

/// CPU time in seconds since the start of the process.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cpu {
    user: f64,
    system: f64,
}

/// Reads the text of `/proc/self/stat` (proc_pid_stat(5), fields 14 and 15).
fn cpu(stat: &str) -> Option<Cpu> {
    /// Clock ticks per second, the unit of that file, on every architecture that services are built for.
    const TICKS: f64 = 100.0;
    // The name of the command is in parentheses, and may itself contain spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let user = times.next()?.ok()?;
    let system = times.next()?.ok()?;
    Some(Cpu { user: user as f64 / TICKS, system: system as f64 / TICKS })
}

/// Returns bytes from the text of `/proc/self/status`. `statm` counts pages, of which it does not give the size.
fn resident(status: &str) -> Option<i64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AFTER_NAME: &str = "S 1 7 7 0 -1 4194560 9021 0 12 0 1234 56 0 0 20 0 11 0 4242 180293632 6100 184467";

    proptest! {
        #[test]
        fn the_name_of_the_command_may_have_any_characters(name in ".{0,20}") {
            let stat = format!("7 ({name}) {AFTER_NAME}\n");
            prop_assert_eq!(cpu(&stat), Some(Cpu { user: 12.34, system: 0.56 }));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,200}") {
            cpu(&text);
            resident(&text);
        }
    }

    #[test]
    fn truncated_text_gives_nothing() {
        assert_eq!(cpu("7 (orgwatchd) S 1 7 7 0 -1 4194560 9021 0 12 0 1234"), None);
        assert_eq!(cpu(""), None);
    }

    #[test]
    fn memory_is_resident_memory() {
        let status = "Name:\torgwatchd\nVmPeak:\t  176068 kB\nVmRSS:\t   24404 kB\nThreads:\t11\n";
        assert_eq!(resident(status), Some(24_404 * 1_024));
        assert_eq!(resident("Name:\tkthreadd\nThreads:\t1\n"), None);
        assert_eq!(resident("VmRSS:\t 9223372036854775807 kB\n"), None);
    }
}
