//! What lies where in the frame that was drawn last: for the mouse.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use crate::app::{Command, Motion};

/// What lies where in a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HitMap {
    spots: Vec<(Rect, Command)>,
}

impl HitMap {
    /// Says that a click in an area asks for a command. Later areas lie over earlier ones.
    pub(super) fn add(&mut self, area: Rect, command: Command) {
        self.spots.push((area, command));
    }

    /// Forgets everything: a dialog lies over it.
    pub(super) fn cover(&mut self) {
        self.spots.clear();
    }

    /// What a mouse event asks for. The wheel moves the cursor of what has the focus.
    pub fn command(&self, event: MouseEvent) -> Option<Command> {
        match event.kind {
            MouseEventKind::ScrollUp => Some(Command::Move(Motion::Up)),
            MouseEventKind::ScrollDown => Some(Command::Move(Motion::Down)),
            MouseEventKind::Down(MouseButton::Left) => {
                let at = Position::new(event.column, event.row);
                let hit = self.spots.iter().rev().find(|(area, _)| area.contains(at));
                hit.map(|(_, command)| command.clone())
            }
            _ => None,
        }
    }
}
