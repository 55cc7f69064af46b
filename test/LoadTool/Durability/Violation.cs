namespace GrainDb.LoadTool.Durability;

/// <summary>A promise that was not kept.</summary>
internal enum ViolationKind
{
    /// <summary>An acknowledged write is gone, or an older one shows in its place.</summary>
    Lost,

    /// <summary>A value is there that no write ever sent as it is.</summary>
    Half,

    /// <summary>The write is there under another version than was acknowledged.</summary>
    WrongVersion,

    /// <summary>A write is there that was refused as certainly not applied.</summary>
    RefusedButApplied,

    /// <summary>Versions of one key did not grow in the order in which its only writer was told of them.</summary>
    OutOfOrder,

    /// <summary>The key could not be read: nothing is known, so nothing is proved.</summary>
    Unreadable,
}

/// <summary>One violation.</summary>
/// <param name="Kind">Which promise.</param>
/// <param name="Key">The key.</param>
/// <param name="Detail">What was expected and what was found.</param>
internal sealed record Violation(ViolationKind Kind, string Key, string Detail);
