namespace GrainDb.Interfaces.Orders;

/// <summary>Bounds of the order workflow.</summary>
public static class OrderLimits
{
    /// <summary>Most lines of an order.</summary>
    public const int MaxLines = 100;

    /// <summary>Most pieces of a line.</summary>
    public const int MaxQuantity = 1_000_000;

    /// <summary>Most pieces that the carrier takes in one shipment; an order of more is refused by the shipping service.</summary>
    public const int MaxPiecesPerShipment = 10_000;

    /// <summary>Most pieces of an article in stock.</summary>
    public const long MaxAvailable = 1_000_000_000_000;

    /// <summary>Longest name of an article, an account or an order: A-Z a-z 0-9 . _ -.</summary>
    public const int MaxNameLength = 128;

    /// <summary>Longest name of a customer, in characters.</summary>
    public const int MaxCustomerLength = 256;
}
