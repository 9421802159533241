//! What was typed earlier in this session, to be typed again. It is kept in memory alone: a command
//! may hold what belongs on no disk.

/// How many lines are remembered.
const MOST: usize = 100;

/// Lines that were typed, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    lines: Vec<String>,
}

impl History {
    /// Remembers a line as the newest; one that was there is not remembered twice.
    pub(super) fn push(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        self.lines.retain(|known| known != line);
        self.lines.push(line.to_owned());
        if self.lines.len() > MOST {
            self.lines.remove(0);
        }
    }

    /// The line before the one that is `back` lines from the end, or the one after it, of those that
    /// begin like this; and how far back that is. After the newest comes what was begun.
    pub(super) fn step<'a>(
        &'a self,
        back: Option<usize>,
        older: bool,
        begun: &'a str,
    ) -> (Option<usize>, &'a str) {
        let alike: Vec<&String> =
            self.lines.iter().rev().filter(|line| line.starts_with(begun)).collect();
        let back = match (back, older) {
            (None, true) => Some(0),
            (Some(back), true) => Some(back + 1),
            (Some(back), false) => back.checked_sub(1),
            (None, false) => None,
        };
        let back = back.map(|back| back.min(alike.len().saturating_sub(1)));
        let line = back.and_then(|back| alike.get(back));
        (back.filter(|_| line.is_some()), line.map_or(begun, |line| line.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_back_to_the_oldest_and_forth_to_nothing() {
        let mut history = History::default();
        assert_eq!(history.step(None, true, ""), (None, ""));
        for line in ["one", "two", " ", "one"] {
            history.push(line);
        }
        assert_eq!(history.step(None, true, ""), (Some(0), "one"));
        assert_eq!(history.step(Some(0), true, ""), (Some(1), "two"));
        assert_eq!(history.step(Some(1), true, ""), (Some(1), "two"));
        assert_eq!(history.step(Some(0), false, ""), (None, ""));
        assert_eq!(history.step(None, true, "t"), (Some(0), "two"));
        assert_eq!(history.step(Some(0), false, "t"), (None, "t"), "back to what was begun");
    }
}
