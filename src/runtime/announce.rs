//! A notification of the terminal's own: by the sequence that this one knows, else its bell. No
//! terminal says whether it showed anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::fleet::Digest;
use crate::fleet::text::clean;

/// The longest title and text, in bytes: kitty takes 2,048 of base64 at once
/// (<https://sw.kovidgoyal.net/kitty/desktop-notifications/>).
const LONGEST: usize = 1_000;
/// How many lines stand below the title.
const LINES: usize = 3;

/// What the terminal takes for a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// OSC 99: kitty.
    Kitty,
    /// OSC 777: urxvt's, which foot, Ghostty and WezTerm took up.
    Urxvt,
    /// OSC 9: iTerm2's.
    ITerm,
    /// None that is known.
    Bell,
}

/// The way to the user's eye from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announcer {
    form: Form,
    /// tmux passes on what is wrapped, where `allow-passthrough` is on; else it drops it.
    is_in_tmux: bool,
}

impl Announcer {
    /// By the variables of the environment.
    pub(super) fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let (program, term) = (variable("TERM_PROGRAM"), variable("TERM").unwrap_or_default());
        let form = match program.as_deref() {
            _ if is_set("KITTY_WINDOW_ID") || term.contains("kitty") => Form::Kitty,
            Some("ghostty" | "WezTerm") => Form::Urxvt,
            Some("iTerm.app") => Form::ITerm,
            _ if term.starts_with("foot") || term.starts_with("rxvt-unicode") => Form::Urxvt,
            // Inside tmux these may still tell of the terminal around it.
            _ if is_set("GHOSTTY_RESOURCES_DIR") || is_set("WEZTERM_PANE") => Form::Urxvt,
            _ if is_set("ITERM_SESSION_ID") => Form::ITerm,
            _ => Form::Bell,
        };
        Self { form, is_in_tmux: is_set("TMUX") }
    }

    /// What to send.
    pub(super) fn sequence(self, digest: &Digest) -> String {
        let title = clean(&format!("spot-tui: {}", digest.kind.word()), LONGEST);
        let lines = [vec![digest.title()], digest.lines(LINES)].concat().join("; ");
        let text = clean(&lines, LONGEST);
        let sequence = match self.form {
            Form::Kitty => kitty(&digest.id, &title, &text),
            // A semicolon ends the title, and none is in it.
            Form::Urxvt => format!("\x1b]777;notify;{title};{text}\x1b\\"),
            // It does not begin with a digit: `9;4` is a progress bar.
            Form::ITerm => format!("\x1b]9;{title}: {text}\x1b\\"),
            Form::Bell => return "\x07".to_owned(),
        };
        if !self.is_in_tmux {
            return sequence;
        }
        // The bell gets through where the rest does not.
        format!("\x1bPtmux;{}\x1b\\\x07", sequence.replace('\x1b', "\x1b\x1b"))
    }
}

fn kitty(id: &str, title: &str, text: &str) -> String {
    let (title, text) = (STANDARD.encode(title), STANDARD.encode(text));
    format!("\x1b]99;i={id}:d=0:e=1;{title}\x1b\\\x1b]99;i={id}:p=body:e=1;{text}\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Notification;

    fn sequence(variables: &[(&str, &str)], text: &str) -> String {
        let text = text.to_owned();
        let notification =
            Notification { id: "7f".into(), about: "i-1".into(), text, ..Notification::sample(1) };
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Announcer::of(value).sequence(&Digest::of(&[notification]).unwrap())
    }

    #[test]
    fn each_terminal_gets_its_own_sequence() {
        let ghostty = sequence(&[("TERM_PROGRAM", "ghostty")], "gave up");
        assert_eq!(ghostty, "\x1b]777;notify;spot-tui: failed;i-1: gave up\x1b\\");
        let iterm = sequence(&[("TERM_PROGRAM", "iTerm.app")], "gave up");
        assert_eq!(iterm, "\x1b]9;spot-tui: failed: i-1: gave up\x1b\\");
        let kitty = sequence(&[("KITTY_WINDOW_ID", "1"), ("TERM", "xterm-kitty")], "gave up");
        let [title, text] = ["spot-tui: failed", "i-1: gave up"].map(|it| STANDARD.encode(it));
        let expected =
            format!("\x1b]99;i=7f:d=0:e=1;{title}\x1b\\\x1b]99;i=7f:p=body:e=1;{text}\x1b\\");
        assert_eq!(kitty, expected);
        assert_eq!(sequence(&[("TERM", "xterm-256color")], "gave up"), "\x07");
    }

    #[test]
    fn what_a_node_says_ends_no_sequence() {
        let text = "\x1b\\\x1b]0;owned\x07\u{9c}gave\nup";
        let sent = sequence(&[("TERM", "foot")], text);
        assert_eq!(sent, "\x1b]777;notify;spot-tui: failed;i-1: gave up\x1b\\");
    }

    #[test]
    fn tmux_passes_it_on_or_rings() {
        let sent = sequence(&[("TMUX", "/tmp/x"), ("TERM", "foot")], "gave up");
        assert!(sent.starts_with("\x1bPtmux;\x1b\x1b]777;notify;"), "{sent:?}");
        assert!(sent.ends_with("\x1b\x1b\\\x1b\\\x07"), "{sent:?}");
    }
}
