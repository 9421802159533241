//! A shell to type into, by the system's own ssh.

use std::process::{Output, Stdio};

use tokio::io::AsyncWriteExt as _;

use super::*;

/// What ssh prints when this is typed on a terminal, or without one; through a door on loopback to
/// a host that has another address.
async fn typed(keys: &str, on_a_terminal: bool) -> (Output, String) {
    let town = Town::of(1).await;
    town.skip_the_boot();
    let front = town.hosts.front(address(1)).await.unwrap();
    assert_eq!(town.hosts.front(address(1)).await.unwrap(), front, "one door is enough");
    assert!(front.ip().is_loopback());
    let known_hosts = town.key.path().with_file_name("known_hosts");
    let mut ssh = tokio::process::Command::new("ssh");
    ssh.args([
        "-F",
        "none",
        "-o",
        "BatchMode=yes",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "LogLevel=ERROR",
    ])
    .args(["-o", "StrictHostKeyChecking=accept-new", "-p", &front.port().to_string()])
    .arg("-o")
    .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
    .arg("-i")
    .arg(town.key.path())
    .arg(if on_a_terminal { "-tt" } else { "-T" })
    .arg(format!("ubuntu@{}", front.ip()))
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .kill_on_drop(true);
    let mut child = ssh.spawn().expect("ssh is missing: apt-get install openssh-client");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(keys.as_bytes()).await.unwrap();
    drop(stdin);
    let ended = tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await;
    let output = ended.expect("it hangs").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

#[tokio::test]
async fn one_can_look_around_on_a_host() {
    let keys =
        "uname -a\rid\rcd /etc\rpwd\rls\rcat os-release\rps\rfree\rdf\renv\rcat /nowhere\rexit\r";
    let (output, text) = typed(keys, true).await;
    assert_eq!(output.status.code(), Some(1), "the last program's: {text}");
    for words in [
        "Linux i-1 6.8",
        "uid=1000(ubuntu)",
        "/etc\r\n",
        "hostname",
        "Noble Numbat",
        "sshd: /usr/sbin/sshd",
        "Mem:",
        "/dev/root",
        "HOME=/home/ubuntu",
        "cat: /nowhere: No such file or directory",
        "ubuntu@i-1:/etc$ ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn keys_edit_the_line() {
    let keys = "whoamx\u{7f}i\rwho\u{15}hostname\rnproc\r\u{1b}[Avim\r\u{4}";
    let (output, text) = typed(keys, true).await;
    for words in ["\r\nubuntu\r\n", "\r\ni-1\r\n", "\r\n2\r\n", "sh: 1: vim: not found", "logout"] {
        assert!(text.contains(words), "{words:?}: {text:?}");
    }
    assert_eq!(output.status.code(), Some(127), "{text}");
}

#[tokio::test]
async fn a_program_that_goes_on_is_interrupted() {
    let follow = "sudo journalctl --no-pager --lines=1 --follow --unit=bacalhau";
    let (output, text) = typed(&format!("{follow}\r\u{3}nproc\rexit\r"), true).await;
    assert!(text.contains("^C\r\n") && text.contains("\r\n2\r\n"), "{text:?}");
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[tokio::test]
async fn without_a_terminal_a_shell_reads_its_input_and_shows_no_prompt() {
    let (output, text) = typed("hostname\nls /home/ubuntu/.ssh\nls /nowhere\n", false).await;
    assert_eq!(text, "i-1\nauthorized_keys\n");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(complaints.contains("ls: cannot access '/nowhere'"), "{complaints}");
}
