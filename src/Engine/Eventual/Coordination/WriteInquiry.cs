using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Replicas;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Engine.Eventual;

/// <summary>
/// What a write has to hear from the other replicas before it is carried out: whether it was before, and what it takes away. All are asked at once; the first answer that is enough ends the waiting.
/// Whatever fails here, the write certainly did not happen.
/// </summary>
/// <param name="replica">The own replica.</param>
/// <param name="transport">The way to the others.</param>
/// <param name="time">For the deadline.</param>
/// <param name="configuration">Who holds the partition.</param>
internal sealed class WriteInquiry(EventualReplica replica, IEventualTransport transport, TimeProvider time, PartitionConfiguration configuration)
{
    private readonly List<ReplicaDescriptor> _others = [.. configuration.All.Where(other => other.Id != replica.Id)];

    /// <summary>Completes when no question is under way any more, and nothing that came late is being merged.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>
    /// This replica is in the place of one that lost what it remembered. A result travels with the state that it belongs to, so where no other replica has it the write is not there either, or came there by comparison.
    /// </summary>
    /// <param name="idempotency">The request.</param>
    /// <param name="patience">How long to wait for answers.</param>
    /// <returns>Why it cannot be known whether the request was carried out before; null when it can.</returns>
    public async Task<Failure?> AskForRequestAsync(IdempotencyStamp idempotency, TimeSpan patience)
    {
        var answers = await HearAsync(
            other => transport.FindRequestAsync(replica.Partition, other, new RequestQuery(other.Id, configuration.Version, idempotency.Key)), answer => answer?.Result is not null, patience);
        if (answers.Find(answer => answer?.Result is not null)?.Result is { } known)
        {
            var own = await replica.MergeAsync(new MergeRequest(replica.Id, configuration.Version, replica.Standing.Epoch, []) { Requests = [known] });
            return own.Outcome == EventualOutcome.Done ? null : Because(isOld: false, own.Detail, "");
        }

        return answers.Count == _others.Count && answers.TrueForAll(answer => answer is { Outcome: EventualOutcome.Done })
            ? null
            : Because(
                answers.Exists(answer => answer is { Outcome: EventualOutcome.OldConfiguration }),
                refusal: null,
                "the replica that coordinates this key lost its memory of requests, and not all others can be asked whether this one was carried out before");
    }

    /// <summary>
    /// Fetches what a removal takes away. When all others have been heard, what is still missing is nowhere any more: it was forgotten, or lost with a disk.
    /// </summary>
    /// <param name="write">The removal.</param>
    /// <param name="patience">How long to wait for answers.</param>
    /// <returns>Why the removal could have no effect; null when it can be carried out.</returns>
    public async Task<Failure?> CatchUpAsync(EventualWrite write, TimeSpan patience)
    {
        var fetched = await HearAsync(other => FetchAsync(other, write.Key), _ => !replica.LacksWhatGoes(write), patience);
        return !replica.LacksWhatGoes(write) || (fetched.Count == _others.Count && fetched.TrueForAll(each => each.IsTaken))
            ? null
            : Because(
                fetched.Exists(each => each.IsOld),
                fetched.Find(each => each.Refusal is not null).Refusal,
                "this replica has not heard of everything that the context has seen, and not all others can be asked");
    }

    private async Task<Fetched> FetchAsync(ReplicaDescriptor from, ReadOnlyMemory<byte> key)
    {
        var answer = transport.IsReachable(from.Node) ? await transport.ReadAsync(replica.Partition, from, new StateRequest(from.Id, configuration.Version, key)) : null;
        if (answer is not { Outcome: EventualOutcome.Done })
            return new(IsTaken: false, answer is { Outcome: EventualOutcome.OldConfiguration }, Refusal: null);
        if (answer.State.IsEmpty)
            return new(IsTaken: true, IsOld: false, Refusal: null);
        var own = await replica.MergeAsync(new MergeRequest(replica.Id, configuration.Version, answer.Epoch, [new(key, answer.State)]));
        return new(own.Outcome == EventualOutcome.Done, IsOld: false, own.Outcome == EventualOutcome.Done ? null : own.Detail);
    }

    /// <summary>Asks all others.</summary>
    /// <returns>What came until one answer was enough, or time was up.</returns>
    private async Task<List<T>> HearAsync<T>(Func<ReplicaDescriptor, Task<T>> ask, Func<T, bool> isEnough, TimeSpan patience)
    {
        List<Task<T>> waiting = [.. _others.Select(ask)];
        Ended = Task.WhenAll([Ended, .. waiting]);
        List<T> heard = [];
        using var enough = new CancellationTokenSource();
        var deadline = Task.Delay(patience, time, enough.Token);
        while (waiting.Count > 0)
        {
            var first = await Task.WhenAny([.. waiting, deadline]);
            if (waiting.FindIndex(task => task == first) is var answered and >= 0)
            {
                heard.Add(await waiting[answered]);
                waiting.RemoveAt(answered);
            }

            if (first == deadline || isEnough(heard[^1]))
                break;
        }

        enough.Cancel(); // not on another thread
        return heard;
    }

    /// <summary>A newer configuration comes first: by that there may be others to ask, and nothing to wait for.</summary>
    /// <param name="isOld">Whether another replica knows a newer configuration.</param>
    /// <param name="refusal">Why the own replica did not take in what others have; null when it did.</param>
    /// <param name="otherwise">The reason when it is neither.</param>
    private Failure Because(bool isOld, string? refusal, string otherwise) =>
        isOld || configuration.Version < replica.Standing.Configuration ? Failure.NotApplied(ErrorCode.RangeMoved, "the partition has a newer configuration")
        : Failure.NotApplied(ErrorCode.Unavailable, refusal is null ? $"{otherwise}; this attempt did nothing" : $"this replica cannot take in what others have: {refusal}; this attempt did nothing");

    /// <summary>What became of one other replica's state.</summary>
    /// <param name="IsTaken">Whether the own replica has all of it.</param>
    /// <param name="IsOld">Whether the other one knows a newer configuration.</param>
    /// <param name="Refusal">Why the own replica did not take it in; null when it was not asked to, or did.</param>
    private readonly record struct Fetched(bool IsTaken, bool IsOld, string? Refusal);
}
