//! Choosing the table's columns, and their order.

use tui_input::InputRequest;

use super::{Column, Copied, Effect, Model, Prompt};

impl Model {
    /// Every column: those that are chosen in their order, then the others.
    pub fn choices(&self) -> Vec<(Column, bool)> {
        let chosen = self.columns.iter().map(|column| (*column, true));
        let others = Column::ALL.iter().map(|(column, ..)| *column);
        let others = others.filter(|column| !self.columns.contains(column));
        chosen.chain(others.map(|column| (column, false))).collect()
    }

    pub(super) fn ask_columns(&mut self) {
        self.prompt = Some(Prompt::Columns { chosen: 0 });
    }

    pub(super) fn choose_column(&mut self, by: isize) {
        let most = Column::ALL.len() - 1;
        if let Some(Prompt::Columns { chosen }) = &mut self.prompt {
            *chosen = chosen.saturating_add_signed(by).min(most);
        }
    }

    pub(super) fn typed_in_columns(&mut self, request: InputRequest) -> Vec<Effect> {
        match request {
            InputRequest::InsertChar(' ' | 'x') => self.toggle_column(),
            InputRequest::InsertChar('j') => self.choose_column(1),
            InputRequest::InsertChar('k') => self.choose_column(-1),
            InputRequest::GoToPrevChar | InputRequest::InsertChar('h' | '<') => {
                self.move_column(-1);
            }
            InputRequest::GoToNextChar | InputRequest::InsertChar('l' | '>') => self.move_column(1),
            InputRequest::InsertChar('y') => {
                let names: Vec<String> =
                    self.columns.iter().map(|column| format!("\"{}\"", column.name())).collect();
                let text = format!("columns = [{}]", names.join(", "));
                return vec![Effect::Copy(Copied::Text(text))];
            }
            _ => {}
        }
        Vec::new()
    }

    /// Shows the chosen column or hides it. The cursor stays on it.
    pub(super) fn toggle_column(&mut self) {
        let Some(Prompt::Columns { chosen }) = self.prompt else { return };
        let Some((column, shown)) = self.choices().get(chosen).copied() else { return };
        if shown {
            self.columns.retain(|other| *other != column);
        } else {
            self.columns.push(column);
        }
        self.follow_column(column);
    }

    /// Moves the chosen column to the left or right.
    fn move_column(&mut self, by: isize) {
        let Some(Prompt::Columns { chosen }) = self.prompt else { return };
        let Some(&column) = self.columns.get(chosen) else { return };
        let to = chosen.saturating_add_signed(by).min(self.columns.len() - 1);
        self.columns.remove(chosen);
        self.columns.insert(to, column);
        self.follow_column(column);
    }

    fn follow_column(&mut self, column: Column) {
        let place = self.choices().iter().position(|(other, _)| *other == column);
        if let Some(Prompt::Columns { chosen }) = &mut self.prompt {
            *chosen = place.unwrap_or(*chosen);
        }
    }
}
