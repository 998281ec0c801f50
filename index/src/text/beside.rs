//! What the index on the disk does not hold as a view knows it, in a small index in memory.

use graph::Statement;
use model::Change;
use tantivy::directory::RamDirectory;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{IndexBuilder, Searcher};

use super::fields::{SEGMENTER, schema};
use super::segmenter::Segmenter;

/// Memory for the words of what is looked at beside the index: the least that tantivy takes.
const BUDGET_BYTES: usize = 15_000_000;

/// An index of these changes, each made of its statements.
pub(super) fn index_of<'a>(
    changes: impl Iterator<Item = &'a [Statement<Change>]>,
    segmenter: &Segmenter,
) -> tantivy::Result<Searcher> {
    let (fields, schema) = schema();
    let mut writer = IndexBuilder::new()
        .schema(schema)
        .tokenizers(tokenizers(segmenter))
        .single_segment_index_writer(RamDirectory::create(), BUDGET_BYTES)?;
    for statements in changes {
        if let Some(document) = fields.document(statements) {
            writer.add_document(document)?;
        }
    }
    let reader = writer
        .finalize()?
        .reader_builder()
        .reload_policy(tantivy::ReloadPolicy::Manual);
    let reader: tantivy::IndexReader = reader.try_into()?;
    Ok(reader.searcher())
}

/// The segmenter under its name.
pub(super) fn tokenizers(segmenter: &Segmenter) -> TokenizerManager {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(SEGMENTER, segmenter.clone());
    tokenizers
}
