namespace GrainDb.Histories;

/// <summary>A promise that a history breaks.</summary>
/// <param name="Promise">Which, in two or three words.</param>
/// <param name="Explanation">How, for a person, with the operations that show it.</param>
public sealed record Violation(string Promise, string Explanation)
{
    public override string ToString() => $"{Promise}: {Explanation}";
}
