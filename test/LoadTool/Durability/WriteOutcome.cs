namespace GrainDb.LoadTool.Durability;

/// <summary>What a client knows of one of its writes.</summary>
internal enum WriteOutcome
{
    /// <summary>Sent, and no answer recorded: it may or may not have happened.</summary>
    Unknown,

    /// <summary>Acknowledged with a version: it must be there.</summary>
    Acknowledged,

    /// <summary>Refused as certainly not applied: it must not be there.</summary>
    Refused,
}
