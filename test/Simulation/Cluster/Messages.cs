using GrainDb.Interfaces.Replicas;

namespace GrainDb.Simulation.Cluster;

/// <summary>Messages in a few words, for traces.</summary>
internal static class Messages
{
    public static string Describe(object? message) => message switch
    {
        PromiseRequest promise => $"{(promise.IsTrial ? "would you " : "")}promise {promise.Epoch} to {Name(promise.Candidate)}",
        AppendRequest append => $"append {append.Epoch} of {Name(append.Leader)} behind {append.PrevLsn}@{append.PrevEpoch} {append.Records.Length} bytes, commit {append.CommitLsn}, closed {append.Closed}",
        FetchRequest fetch => $"fetch for {fetch.Epoch} of {Name(fetch.Candidate)} from {fetch.From}",
        SnapshotChunk chunk => $"snapshot {chunk.Lsn} block {chunk.Index}/{chunk.Count} of {chunk.Epoch}",
        PromiseAnswer answer => $"{answer.Outcome}, last {answer.LastLsn}@{answer.LastEpoch}, commit {answer.CommitLsn}, promised {answer.PromisedEpoch}, lease {answer.LeaseRemaining.TotalMilliseconds:0} ms",
        AppendAnswer answer => $"{answer.Outcome}, durable {answer.DurableLsn}, next {answer.NextLsn}, promised {answer.PromisedEpoch}, applied {answer.AppliedLsn} {answer.Detail}",
        FetchAnswer answer => $"served {answer.IsServed}, {answer.Records.Length} bytes, previous epoch {answer.PrevEpoch}, truncated {answer.IsTruncated}",
        _ => $"{message}",
    };

    private static string Name(Candidate candidate) => $"{candidate.Node}/{candidate.Nonce.ToString("N")[^4..]}";
}
