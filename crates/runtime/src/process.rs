//! What this process takes of its machine, as the kernel tells it under `/proc`; nothing where there is none.

use std::fs;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;

pub const CPU: &str = "process.cpu.time";
pub const MEMORY: &str = "process.memory.usage";

/// Adds the two instruments to `meter`; the kernel is asked whenever they are read.
pub(crate) fn observe(meter: &Meter) {
    meter
        .f64_observable_counter(CPU)
        .with_unit("s")
        .with_description("Time that the process has computed, by mode: user, system")
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
        .with_description("Memory of the process that is resident")
        .with_callback(|observer| {
            if let Some(bytes) = fs::read_to_string("/proc/self/status").ok().and_then(|text| resident(&text)) {
                observer.observe(bytes, &[]);
            }
        })
        .build();
}

/// In seconds, since the process began.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cpu {
    user: f64,
    system: f64,
}

/// From the text of `/proc/self/stat`.
fn cpu(stat: &str) -> Option<Cpu> {
    /// The unit of times in that file, on every architecture that services are built for.
    const TICKS: f64 = 100.0;
    // The name of the command stands in parentheses and may have spaces and parentheses itself.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let user = times.next()?.ok()?;
    let system = times.next()?.ok()?;
    Some(Cpu { user: user as f64 / TICKS, system: system as f64 / TICKS })
}

/// In bytes, from the text of `/proc/self/status`: unlike `statm` it does not count in pages, whose size is not told.
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
        fn the_name_of_the_command_may_be_anything(name in ".{0,20}") {
            let stat = format!("7 ({name}) {AFTER_NAME}\n");
            prop_assert_eq!(cpu(&stat), Some(Cpu { user: 12.34, system: 0.56 }));
        }

        #[test]
        fn any_text_is_borne(text in "\\PC{0,200}") {
            cpu(&text);
            resident(&text);
        }
    }

    #[test]
    fn what_is_cut_off_is_not_guessed() {
        assert_eq!(cpu("7 (orgwatchd) S 1 7 7 0 -1 4194560 9021 0 12 0 1234"), None);
        assert_eq!(cpu(""), None);
    }

    #[test]
    fn memory_is_what_is_resident() {
        let status = "Name:\torgwatchd\nVmPeak:\t  176068 kB\nVmRSS:\t   24404 kB\nThreads:\t11\n";
        assert_eq!(resident(status), Some(24_404 * 1_024));
        assert_eq!(resident("Name:\tkthreadd\nThreads:\t1\n"), None);
        assert_eq!(resident("VmRSS:\t 9223372036854775807 kB\n"), None);
    }
}
