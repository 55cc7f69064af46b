using System.Buffers;
using GrainDb.Engine.Mvcc;
using GrainDb.Interfaces.Keys;
using Xunit;

namespace GrainDb.Engine.Tests.Mvcc;

/// <summary>
/// What the owner of a store does, in small: a log of versions and thresholds, fuzzy checkpoints, crashes and recovery; beside
/// it the model, which forgets nothing.
/// </summary>
internal sealed class Replica
{
    private readonly List<LogRecord> _log = [];
    private readonly List<(ReadOnlyMemory<byte> Held, byte[] Expected)> _held = [];
    private (int StartLsn, List<byte[]> Blocks) _checkpoint = (0, []);
    private (int StartLsn, List<byte[]> Blocks, MvccCheckpointCursor Cursor)? _writing;

    public Replica() => Store.RememberRecent(Timestamp.Zero);

    public MvccStore Store { get; private set; } = new();

    public FullHistoryModel Model { get; } = new();

    public int Records => _log.Count;

    public void Write(byte[] key, ModelVersion version)
    {
        _log.Add(new(key, version, 0));
        Assert.Equal(Model.Apply(key, version), Apply(key, version));
    }

    /// <summary>A record comes once more, as when a follower gets a batch twice.</summary>
    public void Repeat(int record)
    {
        if (_log[record].Version is { } version)
            Assert.False(Apply(_log[record].Key, version) && version.Timestamp > Model.GcThreshold);
    }

    public void SetGcThreshold(ulong threshold)
    {
        _log.Add(new([], null, threshold));
        Model.SetGcThreshold(threshold);
        Store.SetGcThreshold(new(threshold));
    }

    public GcProgress Collect(int maxKeys) => Store.CollectSlice(maxKeys);

    public void CollectAll()
    {
        while (!Store.CollectSlice(100).PassComplete)
        {
        }
    }

    public void BeginCheckpoint() => _writing = (_log.Count, [], Store.BeginCheckpoint());

    public void AbandonCheckpoint()
    {
        if (_writing is { } writing)
            Store.EndCheckpoint(writing.Cursor);
        _writing = null;
    }

    /// <summary>Writes one block; after the last the checkpoint is the one to recover from.</summary>
    public void WriteBlock(int maxBytes)
    {
        if (_writing is not { } writing)
            return;
        var output = new ArrayBufferWriter<byte>();
        var more = Store.WriteSlice(writing.Cursor, output, maxBytes);
        writing.Blocks.Add(output.WrittenSpan.ToArray());
        Assert.Equal(!more, writing.Cursor.IsComplete);
        if (more)
            return;
        _checkpoint = (writing.StartLsn, writing.Blocks);
        _writing = null;
    }

    /// <summary>Loses the memory; recovers from the newest checkpoint and the log, collecting now and then meanwhile.</summary>
    public void Crash(int collectEvery)
    {
        _writing = null;
        Store = new();
        foreach (var block in _checkpoint.Blocks)
            Store.LoadBlock(block);
        StoreInvariants.Check(Store);
        for (var lsn = _checkpoint.StartLsn; lsn < _log.Count; lsn++)
        {
            var record = _log[lsn];
            if (record.Version is { } version)
                Apply(record.Key, version);
            else
                Store.SetGcThreshold(new(record.Threshold));
            if (collectEvery > 0 && lsn % collectEvery == 0)
                Store.CollectSlice(64);
        }

        Assert.Equal(Model.GcThreshold, Store.GcThreshold.Value);
        Store.RememberRecent(new(Model.NewestTimestamp));
    }

    /// <summary>Reads a key and keeps the memory, to be compared at the end.</summary>
    public void Hold(byte[] key, ulong at)
    {
        if (Store.TryGet(key, new(at), out var version))
            _held.Add((version.Value, Model.Get(key, at)!.Value));
    }

    public void AssertHeldMemoryIsIntact()
    {
        foreach (var (held, expected) in _held)
            Assert.True(held.Span.SequenceEqual(expected));
    }

    private bool Apply(byte[] key, ModelVersion version) => Store.Apply(
        key,
        new Timestamp(version.Timestamp),
        version.IsTombstone,
        new Timestamp(version.ExpiresAt),
        version.Value);

    private sealed record LogRecord(byte[] Key, ModelVersion? Version, ulong Threshold);
}
