using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Transactions;

/// <summary>The members <c>isolation</c> of transactions and <c>defaultIsolation</c> of keyspaces.</summary>
internal static class Isolation
{
    /// <summary>Null for null.</summary>
    /// <param name="text">What the client gave.</param>
    /// <param name="member">Where it gave it.</param>
    public static IsolationLevel? Parse(string? text, string member = "isolation") => text switch
    {
        null => null,
        "snapshot" => IsolationLevel.Snapshot,
        "serializable" => IsolationLevel.Serializable,
        _ => throw BadInput.Request($"{member} is '{QueryParameters.Shorten(text)}'; it must be snapshot or serializable."),
    };

    public static string NameOf(IsolationLevel level) => level switch
    {
        IsolationLevel.Snapshot => "snapshot",
        IsolationLevel.Serializable => "serializable",
        _ => throw new ArgumentOutOfRangeException(nameof(level), level, "Not a level."),
    };
}
