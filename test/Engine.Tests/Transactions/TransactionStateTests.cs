using CsCheck;
using GrainDb.Engine.Mvcc;
using GrainDb.Engine.Ranges;
using GrainDb.Engine.Transactions;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Transactions;
using Xunit;

namespace GrainDb.Engine.Tests.Transactions;

/// <summary>The state of transactions is a function of the log, whatever checkpoints lie between.</summary>
public sealed class TransactionStateTests
{
    private static readonly TransactionId Id = new(new Timestamp(100UL << Timestamp.CounterBits), 1);

    /// <summary>The checkpoint begins at one record and is written, slice by slice, while later ones are applied.</summary>
    [Fact]
    public void A_checkpoint_anywhere_and_the_log_behind_it_give_the_state_of_the_whole_log() =>
        Gen.Select(Gen.Int, Gen.Int[1, 120], Gen.Int[0, 120], Gen.Int[1, 40]).Sample((seed, length, start, blockBytes) =>
        {
            var log = new TransactionLog(seed, length);
            start = Math.Min(start, length);
            var (store, state) = (new MvccStore(), new TransactionState());
            foreach (var entry in log.Entries[..start])
                TransactionLog.Apply(entry, store, state);
            var capture = state.Capture();
            var cursor = store.BeginCheckpoint();
            var versions = new List<byte[]>();
            foreach (var entry in log.Entries[start..])
            {
                if (!cursor.IsComplete)
                    versions.Add(Records.Bytes(output => store.WriteSlice(cursor, output, blockBytes * 10)));
                TransactionLog.Apply(entry, store, state);
                store.CollectSlice(64);
            }

            while (!cursor.IsComplete)
                versions.Add(Records.Bytes(output => store.WriteSlice(cursor, output, blockBytes * 10)));

            var (loadedStore, loadedState) = (new MvccStore(), new TransactionState());
            versions.ForEach(block => loadedStore.LoadBlock(block));
            foreach (var block in capture.Blocks(blockBytes * 10))
            {
                Assert.True(TransactionStateCapture.IsBlock(block));
                TransactionStateCapture.Load(block, loadedState);
            }

            foreach (var entry in log.Entries[start..])
                TransactionLog.Apply(entry, loadedStore, loadedState);

            Assert.Equal(Dump(state), Dump(loadedState));
            Assert.Equal(Dump(store), Dump(loadedStore));
        }, iter: 400);

    [Fact]
    public void A_resolved_transaction_leaves_versions_with_their_origin()
    {
        var (store, state) = (new MvccStore(), new TransactionState());
        Prepare(state, store, Id, at: 200, ("a", "1"), ("b", null));

        Assert.False(store.TryGetNewest("a"u8, out _), "an intent is no version");
        Resolve(state, store, Id, at: 300, commit: 250);

        Assert.Equal(0, state.Prepared.Count);
        Assert.True(store.TryGet("a"u8, At(250), out var value));
        Assert.Equal(new VersionOrigin(Id, At(200)), StoredValue.ReadOrigin(value.Value.Span));
        Assert.Equal("1"u8.ToArray(), StoredValue.Read(value.Value).Value.ToArray());
        Assert.True(store.TryGetNewest("b"u8, out var deleted) && deleted.IsTombstone);
        Assert.Equal(new VersionOrigin(Id, At(200)), StoredValue.ReadOrigin(deleted.Value.Span));
    }

    [Fact]
    public void An_aborted_transaction_leaves_nothing_but_its_decision()
    {
        var (store, state) = (new MvccStore(), new TransactionState());
        Prepare(state, store, Id, at: 200, ("a", "1"));
        Resolve(state, store, Id, at: 300, commit: 0);

        Assert.Equal((0, 0L), (state.Prepared.Count, store.Keys));
        Assert.Equal(Timestamp.Zero, state.Decisions.Find(Id));
    }

    [Fact]
    public void A_decision_is_forgotten_when_the_deadline_is_over()
    {
        var (store, state) = (new MvccStore(), new TransactionState());
        Prepare(state, store, Id, at: 200, ("a", "1"));
        Resolve(state, store, Id, at: 300, commit: 250);
        Assert.Equal(At(250), state.Decisions.Find(Id));

        Resolve(state, store, new TransactionId(At(90_000), 2), at: 90_001, commit: 0);

        Assert.Null(state.Decisions.Find(Id));
    }

    [Fact]
    public void A_decision_on_a_transaction_that_is_not_here_is_remembered_as_long_as_it_could_still_prepare()
    {
        var (store, state) = (new MvccStore(), new TransactionState());
        Resolve(state, store, Id, at: 300, commit: 0);
        Assert.Equal(Timestamp.Zero, state.Decisions.Find(Id));

        var late = new TransactionId(At(101), 9);
        var over = At(101).Add(TransactionMemory.LongestLife).Milliseconds + 1;
        Resolve(state, store, late, at: over, commit: 0);

        Assert.Null(state.Decisions.Find(late));
    }

    [Fact]
    public void A_second_intent_on_a_key_stops_the_replica()
    {
        var (store, state) = (new MvccStore(), new TransactionState());
        Prepare(state, store, Id, at: 200, ("a", "1"));

        Assert.Throws<InvalidDataException>(() => Prepare(state, store, new TransactionId(At(100), 2), at: 201, ("a", "2")));
    }

    [Fact]
    public void Idempotency_records_go_oldest_first_when_there_are_too_many_bytes()
    {
        var memory = new IdempotencyMemory();
        var answer = new byte[TransactionLimits.MaxIdempotencyAnswerBytes];
        var fits = TransactionMemory.MaxIdempotencyBytesPerRange / (answer.Length + 5);
        for (var i = 0; i <= fits; i++)
            memory.Add(new(new IdempotencyStamp($"k{i:D4}", 1, answer), At(1), Existed: false, At(1)));

        Assert.Null(memory.Find("k0000"));
        Assert.NotNull(memory.Find("k0001"));
        Assert.Equal(fits, memory.Count);
    }

    [Fact]
    public void Merged_interval_locks_hold_what_the_intervals_hold() =>
        Gen.Select(Records.Intervals.Array[0, 6], Records.Keys).Sample((intervals, key) =>
        {
            var locked = new PreparedTransaction(Id, At(1), At(1), At(2), [], [], [], intervals, null, existed: false);
            Assert.Equal(
                intervals.Any(interval => key.Span.SequenceCompareTo(interval.Start) >= 0 && (interval.End is null || key.Span.SequenceCompareTo(interval.End) < 0)),
                locked.LocksIntervalWith(key.Span));
        });

    [Fact]
    public void A_block_of_transactions_that_is_cut_short_or_damaged_is_refused()
    {
        var (store, state) = (new MvccStore(), new TransactionState());
        Prepare(state, store, Id, at: 200, ("a", "1"));
        var block = Assert.Single(state.Capture().Blocks(1000));

        for (var length = 1; length < block.Length; length++)
            Assert.Throws<InvalidDataException>(() => TransactionStateCapture.Load(block.AsSpan(0, length), new TransactionState()));
        Assert.Throws<InvalidDataException>(() => TransactionStateCapture.Load([.. block, 0], new TransactionState()));
        Assert.Throws<InvalidDataException>(() => TransactionStateCapture.Load([130, .. block.AsSpan(1)], new TransactionState()));
        Assert.Throws<InvalidDataException>(() => TransactionStateCapture.Load([129, 9, .. block.AsSpan(2)], new TransactionState()));
    }

    private static Timestamp At(long milliseconds) => Timestamp.FromParts(milliseconds, 0);

    private static void Prepare(TransactionState state, MvccStore store, TransactionId id, long at, params (string Key, string? Value)[] writes)
    {
        var work = new TransactionWork
        {
            Transaction = id,
            ReadTimestamp = At(at - 1),
            Deadline = At(at + 10_000),
            Generation = 1,
            Writes = [.. writes.Select(write => new KeyWrite(
                Records.Key(write.Key), write.Value is null ? WriteKind.Delete : WriteKind.Put, Records.Key(write.Value ?? ""), "", default, null))],
        };
        state.Apply(RangeRecordType.Prepare, At(at), Records.Encode(PreparedTransaction.Of(work, [new RangeId(1)], At(at), existed: false)), store);
    }

    private static void Resolve(TransactionState state, MvccStore store, TransactionId id, long at, long commit) =>
        state.Apply(RangeRecordType.Resolve, At(at), Records.Bytes(output => ResolveCodec.Encode([new(id, At(commit))], output)), store);

    private static string Dump(MvccStore store)
    {
        var shown = new List<string> { $"{store.GcThreshold}" };
        var versions = new List<MvccVersion>();
        for (var key = 0; key < 8; key++)
        {
            versions.Clear();
            store.History(Records.Key($"k{key:D2}").Span, int.MaxValue, versions);
            shown.AddRange(versions.Select(version => $"{key} {version.Timestamp} {version.IsTombstone} {version.ExpiresAt} {Convert.ToHexString(version.Value.Span)}"));
        }

        return string.Join('\n', shown);
    }

    private static string Dump(TransactionState state) =>
        string.Join('\n', state.Capture().Blocks(1 << 20).Select(block => Convert.ToHexString(block)));
}
