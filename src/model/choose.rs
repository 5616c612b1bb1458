//! Choosing the table's columns, and their order. The table follows at once.

use tui_input::InputRequest;

use super::{Column, Copied, Effect, Model, Prompt};

impl Model {
    /// Asks for the columns: those that are shown in their order, then the others.
    pub(super) fn ask_columns(&mut self) {
        let shown = self.columns.iter().map(|column| (*column, true));
        let others = Column::ALL.iter().map(|(column, ..)| (*column, false));
        let others = others.filter(|(column, _)| !self.columns.contains(column));
        self.prompt = Some(Prompt::Columns { all: shown.chain(others).collect(), chosen: 0 });
    }

    pub(super) fn choose_column(&mut self, by: isize) {
        if let Some(Prompt::Columns { all, chosen }) = &mut self.prompt {
            *chosen = chosen.saturating_add_signed(by).min(all.len().saturating_sub(1));
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

    /// Shows the chosen column or hides it.
    pub(super) fn toggle_column(&mut self) {
        if let Some(Prompt::Columns { all, chosen }) = &mut self.prompt
            && let Some((_, shown)) = all.get_mut(*chosen)
        {
            *shown = !*shown;
        }
        self.take_columns();
    }

    /// Moves the chosen column to the left or right.
    fn move_column(&mut self, by: isize) {
        if let Some(Prompt::Columns { all, chosen }) = &mut self.prompt {
            let to = chosen.saturating_add_signed(by).min(all.len().saturating_sub(1));
            all.swap(*chosen, to);
            *chosen = to;
        }
        self.take_columns();
    }

    fn take_columns(&mut self) {
        if let Some(Prompt::Columns { all, .. }) = &self.prompt {
            self.columns = all.iter().filter(|(_, shown)| *shown).map(|(c, _)| *c).collect();
        }
    }
}
