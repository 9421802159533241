//! Whether another process of this machine runs, by its number.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, process};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// Whether there is a process of this number: any, for numbers are given again.
pub(super) fn is_alive(number: &str) -> bool {
    pid(number).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// Whether it is certain that no process has this number.
pub fn has_ended(number: &str) -> bool {
    pid(number).is_some() && !is_alive(number)
}

fn pid(number: &str) -> Option<Pid> {
    number.parse().ok().filter(|number| *number > 0).and_then(Pid::from_raw)
}

/// Where a process's number means one process at a time: this boot of this kernel, and the pid
/// namespace in it. Containers of one machine have the same boot, and machines may be called alike.
/// `None` where the kernel does not tell, and where what is mounted at `/proc` is another
/// namespace's: a number that is seen there is not the one that a signal is sent to.
pub fn pid_namespace() -> Option<String> {
    let number = fs::read_link("/proc/self").ok()?;
    if number != Path::new(&process::id().to_string()) {
        return None;
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::metadata("/proc/self/ns/pid").ok()?.ino();
    Some(format!("{}/{namespace}", boot.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_that_no_process_has_is_one_that_ended() {
        let mut child = process::Command::new("true").spawn().unwrap();
        let number = child.id().to_string();
        assert!(!has_ended(&number), "it is not waited for");
        child.wait().unwrap();
        assert!(has_ended(&number) && !is_alive(&number));
        assert!(!has_ended(&process::id().to_string()));
        assert!(!has_ended("1"), "it is another user's");
        for unknown in ["", "unknown", "0", "-1", "99999999999"] {
            assert!(!has_ended(unknown) && !is_alive(unknown), "{unknown}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_knows_where_its_number_counts() {
        let here = pid_namespace().unwrap();
        assert_eq!(pid_namespace().unwrap(), here);
        let told = process::Command::new("stat").args(["-Lc", "%i", "/proc/self/ns/pid"]).output();
        let namespace = String::from_utf8(told.unwrap().stdout).unwrap();
        assert!(here.ends_with(&format!("/{}", namespace.trim())), "{here}");
    }
}
