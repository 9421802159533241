//! The clipboard: the terminal's own by OSC 52, which also works over ssh, and the desktop's by its
//! own program, for terminals that know no OSC 52.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use base64::Engine as _;

/// The sequence that puts a text on the terminal's clipboard.
pub(super) fn sequence(text: &str) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(text);
    format!("\x1b]52;c;{text}\x07")
}

/// Gives a text to the desktop's clipboard, where there is one. Nobody waits for it, and nobody
/// is told whether it worked: the terminal may have done it already.
pub(super) fn copy_natively(text: String) {
    let Some((program, arguments)) = program() else { return };
    thread::spawn(move || {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if let Ok(mut child) = child {
            if let Some(mut input) = child.stdin.take() {
                let _ = input.write_all(text.as_bytes());
            }
            let _ = child.wait();
        }
    });
}

fn program() -> Option<(&'static str, &'static [&'static str])> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "macos") {
        Some(("pbcopy", &[]))
    } else if is_set("WAYLAND_DISPLAY") {
        Some(("wl-copy", &[]))
    } else if is_set("DISPLAY") {
        Some(("xclip", &["-selection", "clipboard"]))
    } else {
        None
    }
}
