using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Api.Transactions;

/// <summary>The member <c>isolation</c>.</summary>
internal static class Isolation
{
    /// <summary>Snapshot, for null.</summary>
    public static IsolationLevel Parse(string? text) => text switch
    {
        null or "snapshot" => IsolationLevel.Snapshot,
        "serializable" => IsolationLevel.Serializable,
        _ => throw BadInput.Request($"isolation is '{QueryParameters.Shorten(text)}'; it must be snapshot or serializable."),
    };
}
