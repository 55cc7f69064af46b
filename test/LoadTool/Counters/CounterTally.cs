namespace GrainDb.LoadTool.Counters;

/// <summary>What became of increments by 1, and whether counters can hold what they hold after them.</summary>
/// <param name="Acknowledged">Answered: each counts exactly once.</param>
/// <param name="Refused">Certainly not carried out, by every answer that there was.</param>
/// <param name="Unknown">Given up without an answer that says: each counts once or not at all.</param>
internal readonly record struct CounterTally(long Acknowledged, long Refused, long Unknown)
{
    /// <summary>What is wrong with a sum; null when nothing is.</summary>
    public string? Judge(long sum) =>
        sum < Acknowledged ? $"VIOLATION: {Acknowledged - sum} acknowledged increments are missing"
        : sum > Acknowledged + Unknown ? $"VIOLATION: {sum - Acknowledged - Unknown} increments count that nobody made, or twice"
        : null;

    /// <summary>Adds what another client's came to.</summary>
    public static CounterTally operator +(CounterTally left, CounterTally right) =>
        new(left.Acknowledged + right.Acknowledged, left.Refused + right.Refused, left.Unknown + right.Unknown);
}
