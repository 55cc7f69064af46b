using GrainDb.Interfaces.Errors;

namespace GrainDb.Interfaces.Orders;

/// <summary>An article in stock.</summary>
/// <param name="Sku">Its name.</param>
/// <param name="Available">Pieces that nobody has reserved; never negative.</param>
/// <param name="Price">Of a piece.</param>
public sealed record Article(string Sku, long Available, Money Price);

/// <summary>An account.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Balance">What is on it; never negative.</param>
public sealed record Account(string Id, Money Balance);

/// <summary>The shipment of an order.</summary>
/// <param name="Order">The order.</param>
/// <param name="Status"><c>created</c> or <c>cancelled</c>.</param>
public sealed record Shipment(string Order, string Status);

/// <summary>What came of a request to one row of the order workflow.</summary>
/// <typeparam name="T">What the row is.</typeparam>
public sealed record OrderAnswer<T>
    where T : class
{
    /// <summary>Null when it was served.</summary>
    public Failure? Failure { get; init; }

    /// <summary>What is there; null when it failed.</summary>
    public T? Item { get; init; }

    /// <summary>Whether this request made it.</summary>
    public bool IsNew { get; init; }

    /// <summary>Whether the same request took effect before, and nothing was done now.</summary>
    public bool IsRepeated { get; init; }
}
