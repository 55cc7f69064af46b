namespace GrainDb.Engine.Eventual;

/// <summary>What one comparison of two replicas came to.</summary>
/// <param name="IsComplete">Each had, at its end, everything that the other had when it began.</param>
/// <param name="Problem">Why it is not complete; empty when it is.</param>
/// <param name="Differing">Keys that differed.</param>
/// <param name="Fetched">States that were taken from the other one.</param>
/// <param name="Sent">States that were sent to the other one.</param>
/// <param name="TreeBytes">Bytes of hashes and keys that were compared.</param>
/// <param name="StateBytes">Bytes of states that were moved.</param>
public sealed record ExchangeReport(bool IsComplete, string Problem, int Differing, int Fetched, int Sent, long TreeBytes, long StateBytes)
{
    /// <summary>Both as one.</summary>
    public ExchangeReport Plus(ExchangeReport other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(
            IsComplete && other.IsComplete,
            Problem.Length > 0 ? Problem : other.Problem,
            Differing + other.Differing,
            Fetched + other.Fetched,
            Sent + other.Sent,
            TreeBytes + other.TreeBytes,
            StateBytes + other.StateBytes);
    }

    /// <summary>Nothing was compared.</summary>
    public static readonly ExchangeReport None = new(IsComplete: true, "", 0, 0, 0, 0, 0);
}
