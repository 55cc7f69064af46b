using GrainDb.Interfaces.Keys;

namespace GrainDb.Engine.Mvcc;

/// <summary>
/// Where a fuzzy checkpoint stands. Between slices the store may change in any way: what changes behind the cursor is in
/// the log after the LSN at which the checkpoint began, and replay brings it back.
/// <para>
/// From <see cref="MvccStore.BeginCheckpoint"/> until the last slice, or <see cref="MvccStore.EndCheckpoint"/>, collection does not move on to a
/// newer threshold. So everything above <see cref="GcThreshold"/> that the store held at the beginning gets into the
/// blocks, whatever the order in which versions came, and replay never meets a decision that it cannot repeat.
/// At most one checkpoint is written at a time: beginning another ends this one.
/// </para>
/// </summary>
public sealed class MvccCheckpointCursor
{
    internal MvccCheckpointCursor(Timestamp decided, Timestamp gcThreshold)
    {
        Decided = decided;
        GcThreshold = gcThreshold;
    }

    /// <summary>The store's threshold when the checkpoint began. Every block carries it; <see cref="MvccStore.LoadBlock"/> restores it.</summary>
    public Timestamp GcThreshold { get; }

    /// <summary>Blocks written.</summary>
    public long Blocks { get; private set; }

    /// <summary>Versions written.</summary>
    public long Versions { get; private set; }

    /// <summary>Whether the last block is written.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>At or below it the store may have removed versions when the checkpoint began.</summary>
    internal Timestamp Decided { get; }

    /// <summary>The last version written; null before the first.</summary>
    internal Separator? Last { get; private set; }

    internal void Advance(Separator? last, int versions, bool complete)
    {
        Last = last ?? Last;
        Blocks++;
        Versions += versions;
        IsComplete = complete;
    }
}
